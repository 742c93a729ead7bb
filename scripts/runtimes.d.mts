export function runtimePath(name: 'deno' | 'bun' | 'edge'): string | undefined
