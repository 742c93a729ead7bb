// Installs bubblewrap, the sandbox of user code, with apt-get if this runs as root on Debian or Ubuntu and ZERODB_SYSTEM_INSTALL is
// not off. Otherwise prints the command to type. Only the sandbox needs bubblewrap, so a failure here does not stop the start.
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run } from './install.mjs'

const log = (line) => console.error(line)

/** Returns whether bubblewrap is installed afterwards. */
export async function provideBubblewrap({ env = process.env, find = isInstalled, execute = run } = {}) {
  if (find('bwrap', env)) return true
  const wanted = env['ZERODB_SANDBOX'] || 'auto'
  if (process.platform !== 'linux' || (wanted !== 'auto' && wanted !== 'bubblewrap')) return false
  const isForbidden = ['off', 'false', '0', 'no'].includes((env['ZERODB_SYSTEM_INSTALL'] ?? '').toLowerCase())
  if (process.getuid() !== 0 || !find('apt-get', env) || isForbidden) {
    log(
      'sandbox: bubblewrap is not installed. User code cannot run without it; everything else works. Install it as root:',
    )
    log('         apt-get install bubblewrap   or   dnf install bubblewrap   or   apk add bubblewrap')
    return false
  }
  log('sandbox: apt-get install bubblewrap, the sandbox of user code (ZERODB_SYSTEM_INSTALL=off prevents this)')
  const apt = (...args) =>
    execute('apt-get', ['-o', 'Acquire::Retries=1', '-o', 'Acquire::http::Timeout=15', ...args], {
      env: { ...env, DEBIAN_FRONTEND: 'noninteractive' },
      quiet: true,
    })
  const install = () => apt('install', '-y', '--no-install-recommends', 'bubblewrap')
  let { code, output, interrupted } = await install()
  // A fresh machine has no package lists yet.
  if (code !== 0 && !interrupted && (await apt('update')).code === 0) ({ code, output } = await install())
  if (code === 0 && find('bwrap', env)) return true
  log(output.trimEnd().split('\n').slice(-3).join('\n'))
  log('sandbox: bubblewrap could not be installed: user code cannot run, everything else works')
  return false
}

function isInstalled(name, env) {
  return (env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, name)))
}
