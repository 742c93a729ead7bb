export function tooOld(needed: string): string | null
