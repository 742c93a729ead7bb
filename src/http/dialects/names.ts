/** Converts a camelCase name to snake_case. Any other name is returned unchanged. */
export function snakeCase(key: string): string {
  return /^[a-z]+([A-Z][a-z0-9]*)+$/.test(key) ? key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : key
}
