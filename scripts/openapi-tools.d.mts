export declare const OPENAPI_TOOLS: string
export declare function openapiTool(
  name: 'redocly' | 'spectral' | 'openapi-typescript' | 'tsc' | 'openapi-python-client' | 'python',
): string | undefined
