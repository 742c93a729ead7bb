// Collects the licences of all packages that are bundled into the program.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Returns the notices for a bundle of these files. Throws if a package does not state its licence. */
export function notices(files) {
  const folders = new Set(files.filter((file) => file.includes('node_modules/')).map(packageOf))
  const parts = [...folders].sort().map(noticeOf)
  return `zerodb-functions contains code of the packages below, under their licences.\n\n${parts.join('\n')}`
}

/** Returns the folder of the innermost package that contains the file: packages can be nested. */
function packageOf(file) {
  let folder = dirname(join(root, file))
  while (!isPackage(folder)) folder = dirname(folder)
  return folder
}

function isPackage(folder) {
  const path = join(folder, 'package.json')
  // Some packages have another package.json in a subfolder that only sets the module type.
  return existsSync(path) && JSON.parse(readFileSync(path, 'utf8')).version !== undefined
}

function noticeOf(folder) {
  const about = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const { name, version, license, licenses, author, repository } = about
  const licence = license?.type ?? license ?? licenses?.map(({ type }) => type).join(' or ')
  if (!licence) throw new Error(`${name} does not state its licence`)
  const file = readdirSync(folder).find((each) => /^(licen[cs]e|copying)/i.test(each))
  const by = typeof author === 'string' ? author : author?.name
  const text = file
    ? readFileSync(join(folder, file), 'utf8').trim()
    : [by && `Copyright: ${by}`, repository?.url ?? repository].filter(Boolean).join('\n')
  return `${'-'.repeat(80)}\n${name} ${version} (${licence})\n\n${text}\n`
}
