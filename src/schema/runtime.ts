/** Runtimes of user code. */
export const RUNTIMES = ['nodejs20', 'python3.11'] as const
export type Runtime = (typeof RUNTIMES)[number]
