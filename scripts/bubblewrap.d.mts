export function provideBubblewrap(machine?: {
  env?: Record<string, string | undefined>
  find?: (name: string) => boolean
  execute?: (command: string, args: string[]) => Promise<{ code: number; output: string; interrupted?: boolean }>
}): Promise<boolean>
