import type { Fixture } from '../fixture.ts'
import { NODE_FRAMES, NODE_WORLD, PYTHON_FRAMES, PYTHON_WORLD } from '../preludes.ts'
import { type Ends, type HostileProgram, pause } from '../program.ts'

/** It prints for ever, and is ended for it, long before its deadline. */
const flood = (name: string, code: Pick<HostileProgram, 'node' | 'python'>, ends: Ends): HostileProgram => ({
  name,
  group: 'OUTPUT',
  stoppedBy: [['log_cap']],
  timeoutSeconds: 3,
  ends,
  after(fixture, { stdout, stderr }) {
    fixture.check(stdout.length + stderr.length < 103_000, `${stdout.length + stderr.length} characters are kept`)
  },
  ...code,
})

/** A result that is none, sent without our runner. */
const badResult = (name: string, node: string, python: string, ends: Ends): HostileProgram => ({
  name,
  group: 'OUTPUT',
  stoppedBy: [['result_check']],
  ends,
  node: `${NODE_FRAMES}\n${node}; hang()`,
  python: `${PYTHON_FRAMES}\n${python}\nhang()`,
})

/** How much more memory the server has while the program runs. */
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

/** Asks a question whose answer is long. */
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
    'prints nothing without end',
    {
      node: `${NODE_FRAMES}\nconst nothing = Buffer.concat(Array(500).fill(frame(LOG, 1, 3, 1))); for (;;) say(nothing)`,
      python: `${PYTHON_FRAMES}\nwhile True: say(frame(LOG, 1, 3, 1) * 500)`,
    },
    ['output_limit'],
  ),
  flood(
    'prints without end for a call that is not there',
    {
      node: `${NODE_FRAMES}\nconst text = frame(LOG, 7, 1, 1, 'x'.repeat(1000)); for (;;) say(text)`,
      python: `${PYTHON_FRAMES}\nwhile True: say(frame(LOG, 7, 1, 1, 'x' * 1000))`,
    },
    ['crashed'],
  ),
  flood(
    'logs to a stream that there is none of',
    {
      node: `${NODE_FRAMES}\nconst text = frame(LOG, 1, 9, 200, 'x'.repeat(1000)); for (;;) say(text)`,
      python: `${PYTHON_FRAMES}\nwhile True: say(frame(LOG, 1, 9, 200, 'x' * 1000))`,
    },
    ['output_limit'],
  ),
  {
    name: 'returns 100 MB',
    group: 'OUTPUT',
    stoppedBy: [],
    inherent: 'our runner tells before it makes the text; the program after the next does without it',
    ends: ['output_limit', 'memory'],
    node: 'export default Array(100).fill("x".repeat(1 << 20))',
    python: 'result = ["x" * (1 << 20)] * 100',
  },
  {
    name: 'announces a frame of 200 MB, and sends it',
    group: 'OUTPUT',
    stoppedBy: [['frame_caps']],
    node: `${NODE_FRAMES}
      const head = Buffer.alloc(9)
      head.writeUInt32LE(200 << 20, 0); head[4] = RESULT; head.writeUInt32LE(1, 5)
      say(head)
      const piece = Buffer.alloc(1 << 16, 0x20)
      for (let i = 0; i < 3200; i++) say(piece)
      hang()`,
    python: `${PYTHON_FRAMES}
say(struct.pack('<IBI', 200 << 20, RESULT, 1))
for _ in range(3200): say(b' ' * (1 << 16))
hang()`,
    async play(fixture) {
      const growth = await growthMb(() => fixture.call({ timeout_seconds: 3 }))
      fixture.check(growth < 40, `the server keeps ${Math.round(growth)} MB of it`)
    },
    ends: ['crashed'],
  },
  badResult('sends a result over the limit itself', `say(json(1, 'x'.repeat(60_000)))`, `say(json(1, 'x' * 60_000))`, [
    'output_limit',
  ]),
  badResult(
    'sends a result that is no JSON',
    `say(frame(RESULT, 1, 0, 0, '{"a": 1} {"b": 2}'))`,
    `say(frame(RESULT, 1, 0, 0, '{"a": 1} {"b": 2}'))`,
    ['threw'],
  ),
  badResult(
    'sends a result that is nested 25,000 deep',
    `say(frame(RESULT, 1, 0, 0, '['.repeat(25_000), ']'.repeat(25_000)))`,
    `say(frame(RESULT, 1, 0, 0, '[' * 25_000, ']' * 25_000))`,
    ['threw'],
  ),
  badResult(
    'sends a result that is no UTF-8',
    `say(frame(RESULT, 1, 0, 0, Buffer.from([0x22, 0xff, 0xfe, 0x22])))`,
    `say(frame(RESULT, 1, 0, 0, b'"\\xff\\xfe"'))`,
    ['threw'],
  ),
  badResult(
    'answers with headers that carry more headers',
    `const head = JSON.stringify({ status: 200, headers: [['x-a', 'b\\r\\nset-cookie: session=stolen']] })
     const size = Buffer.alloc(4); size.writeUInt32LE(head.length); say(frame(RESULT, 1, 1, 0, size, head, 'body'))`,
    `head = _json.dumps({'status': 200, 'headers': [['x-a', 'b\\r\\nset-cookie: session=stolen']]})
say(frame(RESULT, 1, 1, 0, struct.pack('<I', len(head)), head, 'body'))`,
    ['threw'],
  ),
  {
    name: 'sends what is no frame',
    group: 'OUTPUT',
    stoppedBy: [],
    inherent: 'there is no frame of such a type to be read',
    ends: ['crashed'],
    node: `${NODE_FRAMES}
      import { randomBytes } from 'node:crypto'
      say(Buffer.concat([Buffer.from([8, 0, 0, 0, 99, 1, 0, 0, 0]), randomBytes(5000)])); hang()`,
    python: `${PYTHON_FRAMES}
say(bytes([8, 0, 0, 0, 99, 1, 0, 0, 0]) + os.urandom(5000)); hang()`,
  },
  {
    name: 'sends results of no kind, and broken ones',
    group: 'OUTPUT',
    stoppedBy: [],
    inherent: 'what cannot be read has no meaning that could be taken',
    ends: ['threw', 'crashed'],
    node: `${NODE_FRAMES}\nsay(frame(RESULT, 1, 77, 0, 'x')); hang()`,
    python: `${PYTHON_FRAMES}\nsay(frame(RESULT, 1)); hang()`,
  },
  {
    name: 'asks without reading the answers',
    group: 'OUTPUT',
    stoppedBy: [['ask_cap']],
    ends: ['crashed'],
    node: `${NODE_FRAMES}
      for (let batch = 0; batch < 30; batch++) {
        say(...Array.from({ length: 30 }, (_, i) => ask(1, i, 'operation', {})))
        sleep(30)
      }
      hang()`,
    python: `${PYTHON_FRAMES}
for batch in range(30):
    say(*[ask(1, i, 'operation', {}) for i in range(30)])
    sleep(30)
hang()`,
    async play(fixture) {
      const growth = await growthMb(() => answering(fixture, 100_000))
      fixture.check(growth < 30, `answers of ${Math.round(growth)} MB wait to be read`)
    },
  },
  {
    name: 'asks a thousand questions at once',
    group: 'OUTPUT',
    stoppedBy: [['ask_cap']],
    ends: ['crashed'],
    node: `${NODE_FRAMES}\nsay(...Array.from({ length: 1000 }, (_, i) => ask(1, i & 255, 'operation', {}))); hang()`,
    python: `${PYTHON_FRAMES}\nsay(*[ask(1, i & 255, 'operation', {}) for i in range(1000)]); hang()`,
    async play(fixture) {
      let asked = 0
      await fixture.call({
        timeout_seconds: 1,
        async onHostCall() {
          asked++
          await pause(100)
        },
      })
      fixture.check(asked <= 64, `${asked} questions were under way at once`)
    },
  },
  {
    name: 'asks with 4 MB that take long to read, again and again',
    group: 'OUTPUT',
    stoppedBy: [],
    inherent: 'a question has a size, and is read once; the server answers others meanwhile',
    timeoutSeconds: 1,
    ends: ['timeout', 'crashed'],
    node: `${NODE_FRAMES}
      const body = '[' + '[],'.repeat(1_390_000) + '[]]'
      const question = frame(ASK, 1, 1, 0, 0, 0, 9, 'operation', body)
      for (;;) say(question)`,
    python: `${PYTHON_FRAMES}
question = frame(ASK, 1, 1, 0, 0, 0, 9, 'operation', '[' + '{"a":0},' * 500_000 + '[]]')
while True: say(question)`,
    async play(fixture) {
      // A machine that is busy stands still now and then; the guest would have it stand still each time.
      let least = Number.POSITIVE_INFINITY
      for (let tries = 0; tries < 3 && least > 200; tries++) {
        fixture.environment.waited()
        await fixture.call({ timeout_seconds: 1, onHostCall: async () => null })
        least = Math.min(least, fixture.environment.waited().loopMs)
      }
      fixture.check(least < 250, `the server stood still for ${Math.round(least)} ms`)
    },
  },
  {
    name: 'asks with what is nested 2,000,000 deep',
    group: 'OUTPUT',
    stoppedBy: [],
    inherent: 'depth is counted before anything is built',
    ends: ['threw'],
    node: `${NODE_FRAMES}
      say(frame(ASK, 1, 1, 0, 0, 0, 9, 'operation', '['.repeat(2_000_000), ']'.repeat(2_000_000)))
      throw new Error('asked')`,
    python: `${PYTHON_FRAMES}
say(frame(ASK, 1, 1, 0, 0, 0, 9, 'operation', '[' * 2_000_000, ']' * 2_000_000))
raise Exception('asked')`,
    async play(fixture) {
      let asked = 0
      await fixture.call({ onHostCall: async () => asked++ })
      fixture.check(asked === 0, 'the question was put')
    },
  },
  {
    name: 'prints what moves the cursor of whoever reads it, half a character at a time',
    group: 'OUTPUT',
    stoppedBy: [],
    inherent: 'text is text: nothing of it is read by anything of ours',
    ends: ['ok'],
    node: `${NODE_WORLD}
      import fs from 'node:fs'
      for (const byte of Buffer.from('\\u001b[2J\\u001b]0;title\\u0007€')) fs.writeSync(1, Buffer.from([byte]))
      export default 1`,
    python: `${PYTHON_WORLD}
for byte in '\\x1b[2J\\x1b]0;title\\x07€'.encode(): os.write(1, bytes([byte]))
result = 1`,
    after(fixture, { stdout }) {
      fixture.check(stdout === '\u001b[2J\u001b]0;title\u0007€', `it reads ${JSON.stringify(stdout)}`)
    },
  },
]
