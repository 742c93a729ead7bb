/** Builds the program unless dist/ is up to date. Returns a message that says what was done. */
export declare function build(): Promise<string>
