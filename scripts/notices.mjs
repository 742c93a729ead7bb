// The licences of all packages that are bundled into the program.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The text that goes with a bundle of these files. Throws when a package does not say under which licence it is. */
export function notices(files) {
  const folders = new Set(files.filter((file) => file.includes('node_modules/')).map(packageOf))
  const parts = [...folders].sort().map(noticeOf)
  return `zerodb-functions contains code of the packages below, under their licences.\n\n${parts.join('\n')}`
}

/** The folder of the package that a file belongs to: nearest to it, as packages may hold others. */
function packageOf(file) {
  let folder = dirname(join(root, file))
  while (!isPackage(folder)) folder = dirname(folder)
  return folder
}

function isPackage(folder) {
  const path = join(folder, 'package.json')
  // Some have a second file of that name that only says how to read their modules.
  return existsSync(path) && JSON.parse(readFileSync(path, 'utf8')).version !== undefined
}

function noticeOf(folder) {
  const about = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const { name, version, license, licenses, author, repository } = about
  const said = license?.type ?? license ?? licenses?.map(({ type }) => type).join(' or ')
  if (!said) throw new Error(`${name} says nothing of its licence`)
  const file = readdirSync(folder).find((each) => /^(licen[cs]e|copying)/i.test(each))
  const by = typeof author === 'string' ? author : author?.name
  const text = file
    ? readFileSync(join(folder, file), 'utf8').trim()
    : [by && `Copyright: ${by}`, repository?.url ?? repository].filter(Boolean).join('\n')
  return `${'-'.repeat(80)}\n${name} ${version} (${said})\n\n${text}\n`
}
