// Sees to it that bubblewrap, which user code runs in, is there: installs it with apt-get as root on Debian and Ubuntu, having said so, unless
// ZERODB_SYSTEM_INSTALL=off; else it says what to type. Nothing else of the program needs it, so that nothing here fails.
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run } from './install.mjs'

const say = (line) => console.error(line)

/** Whether it is there in the end. */
export async function provideBubblewrap({ env = process.env, find = isThere, execute = run } = {}) {
  if (find('bwrap', env)) return true
  const wanted = env['ZERODB_SANDBOX'] || 'auto'
  if (process.platform !== 'linux' || (wanted !== 'auto' && wanted !== 'bubblewrap')) return false
  const isForbidden = ['off', 'false', '0', 'no'].includes((env['ZERODB_SYSTEM_INSTALL'] ?? '').toLowerCase())
  if (process.getuid() !== 0 || !find('apt-get', env) || isForbidden) {
    say('sandbox: bubblewrap is not installed, and user code cannot be run without it (all else works). As root:')
    say('         apt-get install bubblewrap   or   dnf install bubblewrap   or   apk add bubblewrap')
    return false
  }
  say('sandbox: apt-get install bubblewrap, which user code runs in (ZERODB_SYSTEM_INSTALL=off forbids this)')
  const apt = (...args) =>
    execute('apt-get', ['-o', 'Acquire::Retries=1', '-o', 'Acquire::http::Timeout=15', ...args], {
      env: { ...env, DEBIAN_FRONTEND: 'noninteractive' },
      quiet: true,
    })
  const install = () => apt('install', '-y', '--no-install-recommends', 'bubblewrap')
  let { code, output, interrupted } = await install()
  // A fresh machine has no list of packages yet.
  if (code !== 0 && !interrupted && (await apt('update')).code === 0) ({ code, output } = await install())
  if (code === 0 && find('bwrap', env)) return true
  say(output.trimEnd().split('\n').slice(-3).join('\n'))
  say('sandbox: bubblewrap could not be installed: user code cannot be run, all else works')
  return false
}

function isThere(name, env) {
  return (env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, name)))
}
