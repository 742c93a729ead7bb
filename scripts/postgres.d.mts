/** Returns the reason why this machine cannot run a PostgreSQL for tests, or undefined if it can. */
export function findObstacle(): string | undefined
