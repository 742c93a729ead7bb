/** Builds what is not up to date. Returns what was done, in words. */
export declare function build(): Promise<string>
