export function mcpClient(name: 'conformance' | 'inspector'): [node: string, script: string] | undefined
