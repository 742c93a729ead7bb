import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../src/platform/package.ts'
import { available, run } from './support/commands.ts'

// No container and no systemd unit is started here; this checks the files.

const path = (name: string) => join(packageRoot(), 'deploy', name)

test.runIf(available('hadolint', ['--version']))('the Dockerfile is in order', async () => {
  expect(await run('hadolint', [path('Dockerfile')])).toBe('')
})

test.runIf(available('yamllint', ['--version']))('the compose file is in order', async () => {
  const rules = '{extends: default, rules: {document-start: disable, line-length: disable}}'
  expect(await run('yamllint', ['--strict', '-d', rules, path('compose.yaml')])).toBe('')
})

test.runIf(available('systemd-analyze', ['--version']))('the unit is in order, and hands on its groups', async () => {
  await run('systemd-analyze', ['verify', path('zerodb.service')])
  expect(readFileSync(path('zerodb.service'), 'utf8')).toMatch(/^Delegate=yes$/m)
})

test('the seccomp profile allows namespaces, and few other system calls that an escape needs', () => {
  const { defaultAction, syscalls } = JSON.parse(readFileSync(path('seccomp.json'), 'utf8'))
  expect(defaultAction).toBe('SCMP_ACT_ALLOW')
  const refused = new Set(syscalls.flatMap(({ names }: { names: string[] }) => names))
  for (const name of ['clone', 'unshare', 'setns', 'mount', 'umount2', 'pivot_root'])
    expect(refused).not.toContain(name)
  for (const name of ['bpf', 'kexec_load', 'init_module', 'keyctl', 'open_by_handle_at', 'io_uring_setup', 'ptrace'])
    expect(refused).toContain(name)
})
