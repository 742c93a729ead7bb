/**
 * Why this Node cannot run us, in a sentence with the remedy; null when it can. `needed` is what "engines" says, ">=20.15" or the like.
 * Written so that an old Node can read it.
 */
export function tooOld(needed) {
  const [neededMajor = 0, neededMinor = 0] = needed.match(/\d+/g).map(Number)
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > neededMajor || (major === neededMajor && minor >= neededMinor)) return null
  return `This program needs Node ${neededMajor}.${neededMinor} or newer, and this is Node ${process.versions.node}: install a newer one (https://nodejs.org).`
}
