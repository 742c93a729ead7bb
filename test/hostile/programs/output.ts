import type { Fixture } from '../fixture.ts'
import { NODE_FRAMES, NODE_WORLD, PYTHON_FRAMES, PYTHON_WORLD } from '../preludes.ts'
import { type Ends, type HostileProgram, pause } from '../program.ts'

/** Returns a program that prints without end and must be ended long before its deadline. */
const flood = (name: string, code: Pick<HostileProgram, 'node' | 'python'>, ends: Ends): HostileProgram => ({
  name,
  group: 'OUTPUT',
  stoppedBy: [['log_cap']],
  timeoutSeconds: 3,
  ends,
  after(fixture, { stdout, stderr }) {
    fixture.check(stdout.length + stderr.length < 103_000, `${stdout.length + stderr.length} characters are stored`)
  },
  ...code,
})

/** Returns a program that sends an invalid result without the runner. */
const badResult = (name: string, node: string, python: string, ends: Ends): HostileProgram => ({
  name,
  group: 'OUTPUT',
  stoppedBy: [['result_check']],
  ends,
  node: `${NODE_FRAMES}\n${node}; hang()`,
  python: `${PYTHON_FRAMES}\n${python}\nhang()`,
})

/** Returns the growth of the server's memory during `work`. */
async function growthMb(work: () => Promise<unknown>): Promise<number> {
  const used = () => process.memoryUsage().external / (1 << 20)
  const before = used()
  let most = 0
  const watching = setInterval(() => {
    most = Math.max(most, used() - before)
  }, 5)
  await work()
  clearInterval(watching)
  return Math.max(most, used() - before)
}

/** Calls the program. Its questions get long answers. */
const answering = (fixture: Fixture, bytes: number) =>
  fixture.call({ onHostCall: async () => 'x'.repeat(bytes), timeout_seconds: 3 })

export const output: HostileProgram[] = [
  flood(
    'prints without end',
    { node: 'for (;;) console.log("x".repeat(1000))', python: 'while True: print("x" * 1000)' },
    ['output_limit'],
  ),
  flood(
    'writes to descriptors 1 and 2 without end',
    {
      node: `import fs from 'node:fs'
        for (;;) for (const fd of [1, 2]) try { fs.writeSync(fd, 'x'.repeat(1000)) } catch {}`,
      python: `import os
while True:
    for fd in (1, 2): os.write(fd, b'x' * 1000)`,
    },
    ['output_limit'],
  ),
  flood(
    'prints empty output without end',
    {
      node: `${NODE_FRAMES}\nconst nothing = Buffer.concat(Array(500).fill(frame(LOG, 1, 3, 1))); for (;;) sendFrames(nothing)`,
      python: `${PYTHON_FRAMES}\nwhile True: sendFrames(frame(LOG, 1, 3, 1) * 500)`,
    },
    ['output_limit'],
  ),
  flood(
    'prints without end for a call that does not exist',
    {
      node: `${NODE_FRAMES}\nconst text = frame(LOG, 7, 1, 1, 'x'.repeat(1000)); for (;;) sendFrames(text)`,
      python: `${PYTHON_FRAMES}\nwhile True: sendFrames(frame(LOG, 7, 1, 1, 'x' * 1000))`,
    },
    ['crashed'],
  ),
  flood(
    'prints to a stream that does not exist',
    {
      node: `${NODE_FRAMES}\nconst text = frame(LOG, 1, 9, 200, 'x'.repeat(1000)); for (;;) sendFrames(text)`,
      python: `${PYTHON_FRAMES}\nwhile True: sendFrames(frame(LOG, 1, 9, 200, 'x' * 1000))`,
    },
    ['output_limit'],
  ),
  {
    name: 'returns 100 MB',
    group: 'OUTPUT',
    stoppedBy: [],
    inherent:
      'the runner rejects the value before it serialises it; another program sends such a result without the runner',
    ends: ['output_limit', 'memory'],
    node: 'export default Array(100).fill("x".repeat(1 << 20))',
    python: 'result = ["x" * (1 << 20)] * 100',
  },
  {
    name: 'announces and sends a frame of 200 MB',
    group: 'OUTPUT',
    stoppedBy: [['frame_caps']],
    node: `${NODE_FRAMES}
      const head = Buffer.alloc(9)
      head.writeUInt32LE(200 << 20, 0); head[4] = RESULT; head.writeUInt32LE(1, 5)
      sendFrames(head)
      const piece = Buffer.alloc(1 << 16, 0x20)
      for (let i = 0; i < 3200; i++) sendFrames(piece)
      hang()`,
    python: `${PYTHON_FRAMES}
sendFrames(struct.pack('<IBI', 200 << 20, RESULT, 1))
for _ in range(3200): sendFrames(b' ' * (1 << 16))
hang()`,
    async play(fixture) {
      const growth = await growthMb(() => fixture.call({ timeout_seconds: 3 }))
      fixture.check(growth < 40, `the server stores ${Math.round(growth)} MB of the frame`)
    },
    ends: ['crashed'],
  },
  badResult(
    'sends a result over the limit without the runner',
    `sendFrames(json(1, 'x'.repeat(60_000)))`,
    `sendFrames(json(1, 'x' * 60_000))`,
    ['output_limit'],
  ),
  badResult(
    'sends a result that is not valid JSON',
    `sendFrames(frame(RESULT, 1, 0, 0, '{"a": 1} {"b": 2}'))`,
    `sendFrames(frame(RESULT, 1, 0, 0, '{"a": 1} {"b": 2}'))`,
    ['threw'],
  ),
  badResult(
    'sends a result that is nested 25,000 deep',
    `sendFrames(frame(RESULT, 1, 0, 0, '['.repeat(25_000), ']'.repeat(25_000)))`,
    `sendFrames(frame(RESULT, 1, 0, 0, '[' * 25_000, ']' * 25_000))`,
    ['threw'],
  ),
  badResult(
    'sends a result that is not valid UTF-8',
    `sendFrames(frame(RESULT, 1, 0, 0, Buffer.from([0x22, 0xff, 0xfe, 0x22])))`,
    `sendFrames(frame(RESULT, 1, 0, 0, b'"\\xff\\xfe"'))`,
    ['threw'],
  ),
  badResult(
    'responds with a header that contains further headers',
    `const head = JSON.stringify({ status: 200, headers: [['x-a', 'b\\r\\nset-cookie: session=stolen']] })
     const size = Buffer.alloc(4); size.writeUInt32LE(head.length); sendFrames(frame(RESULT, 1, 1, 0, size, head, 'body'))`,
    `head = _json.dumps({'status': 200, 'headers': [['x-a', 'b\\r\\nset-cookie: session=stolen']]})
sendFrames(frame(RESULT, 1, 1, 0, struct.pack('<I', len(head)), head, 'body'))`,
    ['threw'],
  ),
  {
    name: 'sends frames of an unknown type',
    group: 'OUTPUT',
    stoppedBy: [],
    inherent: 'the server ends an instance that sends an unknown type',
    ends: ['crashed'],
    node: `${NODE_FRAMES}
      import { randomBytes } from 'node:crypto'
      sendFrames(Buffer.concat([Buffer.from([8, 0, 0, 0, 99, 1, 0, 0, 0]), randomBytes(5000)])); hang()`,
    python: `${PYTHON_FRAMES}
sendFrames(bytes([8, 0, 0, 0, 99, 1, 0, 0, 0]) + os.urandom(5000)); hang()`,
  },
  {
    name: 'sends results of unknown kinds, and incomplete results',
    group: 'OUTPUT',
    stoppedBy: [],
    inherent: 'the server rejects results that it cannot parse',
    ends: ['threw', 'crashed'],
    node: `${NODE_FRAMES}\nsendFrames(frame(RESULT, 1, 77, 0, 'x')); hang()`,
    python: `${PYTHON_FRAMES}\nsendFrames(frame(RESULT, 1)); hang()`,
  },
  {
    name: 'sends questions without reading the answers',
    group: 'OUTPUT',
    stoppedBy: [['ask_cap']],
    ends: ['crashed'],
    node: `${NODE_FRAMES}
      for (let batch = 0; batch < 30; batch++) {
        sendFrames(...Array.from({ length: 30 }, (_, i) => ask(1, i, 'operation', {})))
        sleep(30)
      }
      hang()`,
    python: `${PYTHON_FRAMES}
for batch in range(30):
    sendFrames(*[ask(1, i, 'operation', {}) for i in range(30)])
    sleep(30)
hang()`,
    async play(fixture) {
      const growth = await growthMb(() => answering(fixture, 100_000))
      fixture.check(growth < 30, `${Math.round(growth)} MB of answers wait in the server`)
    },
  },
  {
    name: 'sends a thousand questions at once',
    group: 'OUTPUT',
    stoppedBy: [['ask_cap']],
    ends: ['crashed'],
    node: `${NODE_FRAMES}\nsendFrames(...Array.from({ length: 1000 }, (_, i) => ask(1, i & 255, 'operation', {}))); hang()`,
    python: `${PYTHON_FRAMES}\nsendFrames(*[ask(1, i & 255, 'operation', {}) for i in range(1000)]); hang()`,
    async play(fixture) {
      let asked = 0
      await fixture.call({
        timeout_seconds: 1,
        async onHostCall() {
          asked++
          await pause(100)
        },
      })
      fixture.check(asked <= 64, `the server processed ${asked} questions at once`)
    },
  },
  {
    name: 'sends questions of 4 MB that are slow to parse, repeatedly',
    group: 'OUTPUT',
    stoppedBy: [],
    inherent: 'the size of questions is limited, and the server serves other calls between them',
    timeoutSeconds: 1,
    ends: ['timeout', 'crashed'],
    node: `${NODE_FRAMES}
      const body = '[' + '[],'.repeat(1_390_000) + '[]]'
      const question = frame(ASK, 1, 1, 0, 0, 0, 9, 'operation', body)
      for (;;) sendFrames(question)`,
    python: `${PYTHON_FRAMES}
question = frame(ASK, 1, 1, 0, 0, 0, 9, 'operation', '[' + '{"a":0},' * 500_000 + '[]]')
while True: sendFrames(question)`,
    async play(fixture) {
      // A busy machine blocks the loop sometimes; the guest would block it every time. So the minimum is checked.
      let least = Number.POSITIVE_INFINITY
      for (let tries = 0; tries < 3 && least > 200; tries++) {
        fixture.environment.waited()
        await fixture.call({ timeout_seconds: 1, onHostCall: async () => null })
        least = Math.min(least, fixture.environment.waited().loopMs)
      }
      fixture.check(least < 250, `the event loop of the server was blocked for ${Math.round(least)} ms`)
    },
  },
  {
    name: 'sends a question that is nested 2,000,000 deep',
    group: 'OUTPUT',
    stoppedBy: [],
    inherent: 'the depth is checked before the value is parsed',
    ends: ['threw'],
    node: `${NODE_FRAMES}
      sendFrames(frame(ASK, 1, 1, 0, 0, 0, 9, 'operation', '['.repeat(2_000_000), ']'.repeat(2_000_000)))
      throw new Error('asked')`,
    python: `${PYTHON_FRAMES}
sendFrames(frame(ASK, 1, 1, 0, 0, 0, 9, 'operation', '[' * 2_000_000, ']' * 2_000_000))
raise Exception('asked')`,
    async play(fixture) {
      let asked = 0
      await fixture.call({ onHostCall: async () => asked++ })
      fixture.check(asked === 0, 'the server accepted the question')
    },
  },
  {
    name: 'prints terminal control sequences, split within characters',
    group: 'OUTPUT',
    stoppedBy: [],
    inherent: 'the server does not interpret output',
    ends: ['ok'],
    node: `${NODE_WORLD}
      import fs from 'node:fs'
      for (const byte of Buffer.from('\\u001b[2J\\u001b]0;title\\u0007€')) fs.writeSync(1, Buffer.from([byte]))
      export default 1`,
    python: `${PYTHON_WORLD}
for byte in '\\x1b[2J\\x1b]0;title\\x07€'.encode(): os.write(1, bytes([byte]))
result = 1`,
    after(fixture, { stdout }) {
      fixture.check(stdout === '\u001b[2J\u001b]0;title\u0007€', `the output is ${JSON.stringify(stdout)}`)
    },
  },
]
