/** Why this machine cannot give us a PostgreSQL, in words; undefined if it can. */
export function impediment(): string | undefined
