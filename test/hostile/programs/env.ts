import { NODE_WORLD, PYTHON_WORLD } from '../preludes.ts'
import type { HostileProgram } from '../program.ts'

export const env: HostileProgram[] = [
  {
    name: 'reads the environment of every process',
    group: 'ENV',
    stoppedBy: [['empty_environment', 'fake_proc']],
    node: `${NODE_WORLD}
      import fs from 'node:fs'
      const found = [process.env, process.report.getReport().environmentVariables, process.argv]
      for (const pid of ['self', ...Array(20).keys()])
        found.push(tried(() => fs.readFileSync('/proc/' + pid + '/environ', 'latin1')))
      export default JSON.stringify(found).slice(0, 40_000)`,
    python: `${PYTHON_WORLD}
found = [dict(os.environ), sys.argv, sys.orig_argv]
for pid in ['self', *range(20)]:
    found.append(tried(lambda: open(f'/proc/{pid}/environ').read()))
result = json.dumps(found)[:40_000]`,
  },
  {
    name: 'reads the memory that its environment was passed in',
    group: 'ENV',
    stoppedBy: [['empty_environment']],
    python: `${PYTHON_WORLD}
_libc.getauxval.restype = ctypes.c_ulong
top = _libc.getauxval(31) # AT_EXECFN: the string at the upper end of the stack, behind the environment
result = ctypes.string_at(top - 32_768, 32_768).replace(b'\\0', b' ').decode('latin1').strip()[-40_000:]`,
  },
]
