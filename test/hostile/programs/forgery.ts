import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Fixture } from '../fixture.ts'
import { descriptorsOf, rootOf } from '../host-checks.ts'
import { NODE_FRAMES, NODE_WORLD, PYTHON_FRAMES } from '../preludes.ts'
import { type HostileProgram, type Protection, pause, within } from '../program.ts'

/**
 * Returns programs that send frames, one of them forged: in one write, or with a pause between the frames, so that the server reads them
 * together or separately. `frames` are expressions that are valid in both languages.
 */
function race(
  name: string,
  frames: readonly string[],
  stoppedBy: Record<'one read' | 'two reads', readonly Protection[]>,
  rest: Partial<HostileProgram>,
): HostileProgram[] {
  const separately = (read: string) => `sendFrames(${read})`
  const variants = {
    'one read': [separately(frames.join(', '))],
    'two reads': frames.flatMap((each) => [separately(each), 'sleep(30)']),
  }
  return Object.entries(variants).map(([reads, lines]) => ({
    name: `${name} (${reads})`,
    group: 'FORGERY',
    race: true,
    stoppedBy: stoppedBy[reads as keyof typeof variants].map((protection) => [protection]),
    ...(stoppedBy[reads as keyof typeof variants].length === 0 && { inherent: 'the call has already ended' }),
    timeoutSeconds: 2,
    node: `${NODE_FRAMES}\n${lines.join('\n')}\nhang()`,
    python: `${PYTHON_FRAMES}\n${lines.join('\n')}\nhang()`,
    ...rest,
  }))
}

/** Returns a program that responds to its first call normally and sends a forged frame 2 ms later, when the server has the response. */
const afterResponse = (name: string, forged: string, play: (fixture: Fixture) => Promise<void>): HostileProgram => ({
  name,
  group: 'FORGERY',
  race: true,
  stoppedBy: [['frame_order']],
  node: `${NODE_FRAMES}
    const write = fs.writeSync
    fs.writeSync = (fd, bytes, ...rest) => {
      const written = write(fd, bytes, ...rest)
      if (bytes[4] !== RESULT) return written
      fs.writeSync = write
      sleep(2)
      sendFrames(${forged})
      fs.writeFileSync('/tmp/forged', '')
      return written
    }
    export default () => 'good'`,
  python: `${PYTHON_FRAMES}
write = os.write
def forge(fd, data):
    written = write(fd, data)
    if data[4] == RESULT:
        os.write = write
        sleep(2)
        sendFrames(${forged})
        open('/tmp/forged', 'w').close()
    return written
os.write = forge
def handler(event, ctx): return 'good'`,
  play,
})

/** Returns whether the instance is still running. It may be running only if it was stopped before it sent the forged frame. */
async function isStillRunning(fixture: Fixture): Promise<boolean> {
  const isThere = !(await within(500, () => !fixture.isThere()))
  const seen = fixture.found()
  fixture.check(
    !isThere || !seen || !existsSync(join(rootOf(seen.interpreter), 'tmp/forged')),
    'the program is still running',
  )
  return isThere
}

const resultOf = ({ outcomes }: Fixture, at: number): unknown => {
  const result = outcomes[at]?.result
  return result?.kind === 'json' ? JSON.parse(Buffer.from(result.body).toString()) : undefined
}

export const forgery: HostileProgram[] = [
  ...race(
    'responds to another call, then to its own',
    [`json(2, 'forged')`, `json(1, 'good')`],
    { 'one read': ['frame_order', 'drop_after_kill'], 'two reads': ['frame_order'] },
    { ends: ['crashed'] },
  ),
  ...race(
    'responds twice',
    [`json(1, 'first')`, `json(1, 'second')`],
    { 'one read': ['frame_order'], 'two reads': [] },
    {
      ends: ['ok'],
      after: (fixture) => fixture.check(resultOf(fixture, 0) === 'first', 'the server uses the second response'),
    },
  ),
  ...race(
    'sends a second ready frame, then responds',
    [`frame(UP, 0, '0.0.0')`, `json(1, 'good')`],
    { 'one read': ['frame_order'], 'two reads': ['frame_order'] },
    {
      ends: ['crashed'],
    },
  ),
  ...race(
    'sends a question for another call, then responds',
    [`ask(2, 1, 'operation', {})`, `json(1, 'good')`],
    { 'one read': ['frame_order', 'drop_after_kill'], 'two reads': ['frame_order'] },
    {
      ends: ['crashed'],
      async play(fixture) {
        let asked = 0
        await fixture.call({ onHostCall: async () => asked++ })
        fixture.check(asked === 0, 'the server accepted the question')
      },
    },
  ),
  ...race(
    'responds, then sends a question',
    [`json(1, 'good')`, `ask(1, 1, 'operation', {})`],
    { 'one read': ['frame_order'], 'two reads': [] },
    {
      ends: ['ok'],
      async play(fixture) {
        let asked = 0
        await fixture.call({ onHostCall: async () => asked++ })
        await pause(10)
        fixture.check(asked === 0, 'the server accepted the question')
      },
    },
  ),
  ...race(
    'sends a frame that is too long, then responds',
    [`frame(LOG, 1, 1, 1, 'x' + '${'x'.repeat(40_000)}')`, `json(1, 'good')`],
    { 'one read': ['frame_caps'], 'two reads': ['frame_caps'] },
    {
      ends: ['crashed'],
    },
  ),
  afterResponse('responds to the next call before it arrives', `json(2, 'forged')`, async (fixture) => {
    await fixture.call({ key: 'next' })
    if (await isStillRunning(fixture)) return
    await fixture.call({ key: 'next' })
    fixture.check(resultOf(fixture, 0) === 'good' && resultOf(fixture, 1) === 'good', 'a call got the forged response')
  }),
  {
    name: 'sends a question with the permissions of the previous caller',
    group: 'FORGERY',
    race: true,
    stoppedBy: [['frame_order']],
    timeoutSeconds: 2,
    node: `${NODE_FRAMES}
      let calls = 0
      export default async () => {
        if (++calls === 1) return 1
        sendFrames(ask(1, 1, 'operation', {}))
        await new Promise((resolve) => setTimeout(resolve, 100))
        return 2
      }`,
    python: `${PYTHON_FRAMES}
calls = 0
def handler(event, ctx):
    global calls
    calls += 1
    if calls == 1: return 1
    sendFrames(ask(1, 1, 'operation', {}))
    sleep(100)
    return 2`,
    async play(fixture) {
      let asked = 0
      const onHostCall = async () => asked++
      await fixture.call({ key: 'rights', onHostCall })
      const { status } = await fixture.call({ key: 'rights', onHostCall })
      fixture.check(asked === 0, 'the server accepted the question')
      fixture.check(status === 'crashed', `the program ended with ${status}`)
    },
  },
  afterResponse('sends a question while no call is running', `ask(1, 1, 'operation', {})`, async (fixture) => {
    let asked = 0
    await fixture.call({ key: 'idle', onHostCall: async () => asked++ })
    await isStillRunning(fixture)
    fixture.check(asked === 0, 'the server accepted the question')
  }),
  {
    name: 'responds with __proto__, constructor and toString',
    group: 'FORGERY',
    stoppedBy: [],
    inherent: 'the server treats results as bytes and merges them with no object',
    ends: ['ok'],
    node: `export default JSON.parse('{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}, "toString": 1}')`,
    python: `result = {'__proto__': {'polluted': 1}, 'constructor': {'prototype': {'polluted': 1}}, 'toString': 1}`,
    after: (fixture) => fixture.check(!('polluted' in {}), 'objects of the server have changed'),
  },
  {
    name: 'replaces built-ins that the runner uses',
    group: 'FORGERY',
    stoppedBy: [['own_instance']],
    node: `import fs from 'node:fs'
      export default () => {
        JSON.stringify = () => '"forged"'
        JSON.parse = () => ({ mode: 'handler' })
        Object.prototype.then = (resolve) => resolve('forged')
        Object.prototype.toJSON = () => 'forged'
        Buffer.from = () => Buffer.alloc(0)
        fs.writeSync = () => 1
        Promise.prototype.then = () => {}
        process.exit = process.reallyExit = () => {}
        globalThis.setTimeout = () => {}
        return 1
      }`,
    python: `import json, os, builtins
def handler(event, ctx):
    json.loads = lambda text: {'mode': 'handler'}
    os.write = lambda fd, data: len(data)
    builtins.len = lambda value: 0
    return 1`,
    play: (fixture) => thenAnother(fixture, 0.5),
  },
  {
    name: 'sends 200 descriptors over its channel',
    group: 'FORGERY',
    stoppedBy: [],
    inherent: 'the server reads bytes only, and the kernel closes attached descriptors',
    python: `${PYTHON_FRAMES}
import array, socket
channel = socket.socket(fileno=os.dup(3))
held = [os.open('/dev/null', os.O_RDONLY) for _ in range(200)]
rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', held))]
for _ in range(5):
    channel.sendmsg([frame(LOG, 1, 1, 1, 'with descriptors\\n')], rights)
    sleep(50)
print('ready', flush=True)
hang()`,
    async look(fixture) {
      await pause(50)
      const open = descriptorsOf('self').filter((link) => link === '/dev/null').length
      fixture.check(open < 50, `the server has ${open} of the descriptors`)
    },
  },
  {
    name: 'closes its channel and keeps running',
    group: 'FORGERY',
    stoppedBy: [],
    inherent: 'the server ends an instance whose channel is closed',
    timeoutSeconds: 0.5,
    ends: ['timeout', 'crashed'],
    node: `import fs from 'node:fs'\nfs.closeSync(3)\nfor (;;);`,
    python: 'import os\nos.close(3)\nwhile True: pass',
  },
  {
    name: 'stops reading, so that the next call of the server blocks',
    group: 'FORGERY',
    stoppedBy: [['deadline']],
    timeoutSeconds: 0.5,
    node: `${NODE_WORLD}
      export default (event) => { process.nextTick(() => setImmediate(() => { for (;;); })); return 1 }`,
    python: `import os, time
write = os.write
def answer_and_sleep(fd, data):
    write(fd, data)
    time.sleep(1e6)
def handler(event, ctx):
    os.write = answer_and_sleep
    return 1`,
    async play(fixture) {
      await fixture.call({ key: 'silent' })
      await pause(5)
      const signal = AbortSignal.timeout(3_000)
      const { status } = await fixture.call({ key: 'silent', signal, input: { event: 'x'.repeat(1 << 20) } })
      fixture.check(['timeout', 'crashed'].includes(status), `the next call ended with ${status}`)
    },
  },
]

/** Calls the program, then a program of another key in the same language, which must work normally. */
export async function thenAnother(fixture: Fixture, timeout_seconds: number): Promise<void> {
  await fixture.call({ key: 'first', timeout_seconds })
  const entry = fixture.runtime === 'nodejs20' ? 'main.mjs' : 'main.py'
  const code = {
    nodejs20: 'export default (event) => ({ sum: event.a + event.b, text: JSON.stringify([1]) })',
    'python3.11':
      'import json\ndef handler(event, ctx):\n    return {"sum": event["a"] + event["b"], "text": json.dumps([1])}',
  }[fixture.runtime]
  const key = 'another user'
  const { status, result } = await fixture.environment.driver.call({
    program: { ...fixture.programOf(key, 'warm'), files: { [entry]: code } },
    mode: 'handler',
    input: { event: { a: 1, b: 2 } },
    timeout_seconds: 3,
    output_limit_bytes: 1000,
  })
  fixture.environment.driver.retire(key)
  const text = result?.kind === 'json' ? Buffer.from(result.body).toString() : ''
  fixture.check(text === '{"sum":3,"text":"[1]"}', `the call of the other program ended with ${status} and ${text}`)
}
