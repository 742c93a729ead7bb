import { readFileSync } from 'node:fs'
import { cpus, hostname, networkInterfaces } from 'node:os'
import { NODE_WORLD, PYTHON_WORLD } from '../preludes.ts'
import type { HostileProgram } from '../program.ts'

const read = (path: string): string => readFileSync(path, 'latin1').trim()

export const info: HostileProgram[] = [
  {
    name: 'reads the host name of the machine',
    group: 'INFO',
    stoppedBy: [['uts_namespace']],
    node: `import os from 'node:os'\nimport fs from 'node:fs'\nexport default [os.hostname(), os.version()]`,
    python: 'import os, socket\nresult = [os.uname().nodename, socket.gethostname()]',
    after: (fixture, { result }) =>
      fixture.check(
        !(JSON.parse(Buffer.from(result?.body ?? 'null').toString()) ?? []).includes(hostname()),
        'the program knows the host name of the machine',
      ),
  },
  {
    name: 'reads facts about the machine from /proc and /sys',
    group: 'INFO',
    stoppedBy: [['fake_proc']],
    node: `${NODE_WORLD}
      import fs from 'node:fs'
      import os from 'node:os'
      const files = ['cmdline', 'sys/kernel/random/boot_id', 'cpuinfo', 'self/mountinfo', 'self/cgroup', 'version', 'kallsyms', 'modules', '1/cmdline']
      export default [...files.map((file) => tried(() => fs.readFileSync('/proc/' + file, 'utf8').slice(0, 4000))), os.cpus()[0].model,
        tried(() => fs.readdirSync('/sys')).toString()]`,
    python: `${PYTHON_WORLD}
files = ['cmdline', 'sys/kernel/random/boot_id', 'cpuinfo', 'self/mountinfo', 'self/cgroup', 'version', 'kallsyms', 'modules', '1/cmdline']
result = [tried(lambda: open('/proc/' + file).read(4000)) for file in files] + [tried(lambda: os.listdir('/sys'))]`,
    after(fixture, { result }) {
      const text = Buffer.from(result?.body ?? []).toString()
      const known = {
        'the boot id': read('/proc/sys/kernel/random/boot_id'),
        'the processor': cpus()[0]?.model || 'no model',
        'the path on the host': '/zerodb-functions',
      }
      for (const [what, value] of Object.entries(known))
        fixture.check(!text.includes(value), `the program knows ${what}`)
    },
  },
  {
    name: 'reads its process id on the host',
    group: 'INFO',
    stoppedBy: [['pid_namespace']],
    node: `console.log(process.pid)\nconsole.log('ready')\nsetInterval(() => {}, 1000)`,
    python: `${PYTHON_WORLD}
print(os.getpid())
ready()`,
    look() {},
    async play(fixture) {
      let pid = 0
      const { stdout } = await fixture.watch(() => {
        pid = fixture.seen().interpreter
      })
      fixture.check(stdout.split('\n')[0] !== String(pid), 'the program knows its process id on the host')
    },
  },
  {
    name: 'reads the network addresses of the machine',
    group: 'INFO',
    stoppedBy: [['net_namespace']],
    node: `import os from 'node:os'\nexport default os.networkInterfaces()`,
    python: `import json, socket
result = [name for _, name in socket.if_nameindex()]`,
    after(fixture, { result }) {
      const text = Buffer.from(result?.body ?? []).toString()
      const found = Object.entries(networkInterfaces()).filter(([name]) => name !== 'lo')
      for (const [name, addresses = []] of found)
        for (const known of [name, ...addresses.map(({ address }) => address)])
          fixture.check(!text.includes(`"${known}"`), `the program knows ${known}`)
    },
  },
  {
    name: 'starts a second interpreter that reads a file of the machine',
    group: 'INFO',
    stoppedBy: [['rootfs']],
    node: `${NODE_WORLD}
      import { spawnSync } from 'node:child_process'
      const code = 'const fs=require("fs");const[a]=process.argv.slice(1);console.log(a&&fs.existsSync(a)&&fs.readFileSync(a,"utf8"))'
      export default spawnSync(process.execPath, ['-e', code, environment.file], { encoding: 'utf8' }).stdout`,
    python: `${PYTHON_WORLD}
import subprocess
result = subprocess.run([sys.executable, '-S', '-c', 'import sys; print(open(sys.argv[1]).read())', environment['file']], capture_output=True, text=True).stdout`,
  },
]
