/** The names of the built-in handlers: no function is called like one. */
export const RESERVED_NAMES: readonly string[] = ['auto_embed', 'auto_summarize', 'auto_graph', 'webhook', 'function']
