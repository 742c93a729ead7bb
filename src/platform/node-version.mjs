/**
 * Returns null if this version of Node can run the program, or an error message with the remedy. `needed` is the value of "engines",
 * such as ">=20.15". The syntax is one that an old Node can parse.
 */
export function tooOld(needed) {
  const [neededMajor = 0, neededMinor = 0] = needed.match(/\d+/g).map(Number)
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > neededMajor || (major === neededMajor && minor >= neededMinor)) return null
  return `This program needs Node ${neededMajor}.${neededMinor} or newer, but this is Node ${process.versions.node}: install a newer one (https://nodejs.org).`
}
