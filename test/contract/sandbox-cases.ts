import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { ZeroError } from '../../src/errors.ts'
import { RUNTIMES, type Runtime, type SandboxDriver } from '../../src/sandbox/index.ts'
import { type Code, callOf, collect, jsonOf, NODE, programOf, runCode } from '../support/guests.ts'

/** The promises of `SandboxDriver`, as programs that any process can run without a test framework. */
export interface Case {
  name: string
  /** Only true for drivers with a boundary. */
  bounded?: true
  run(driver: SandboxDriver): Promise<void>
}

/** Maximum concurrent calls of the drivers under test. */
export const CONCURRENCY = 4

const both = (name: string, run: (driver: SandboxDriver, runtime: Runtime) => Promise<void>): Case[] =>
  RUNTIMES.map((runtime) => ({ name: `${runtime}: ${name}`, run: (driver) => run(driver, runtime) }))

const bounded = (cases: Case[]): Case[] => cases.map((each) => ({ ...each, bounded: true }))

const ECHO: Code = {
  node: 'export default async (event, ctx) => event',
  python: 'def handler(event, ctx):\n    return event\n',
}
const LOOP: Code = {
  node: 'export default () => { console.log("looping"); for (;;); }',
  python: 'def handler(event, ctx):\n    print("looping")\n    while True: pass\n',
}
const WAIT: Code = {
  node: 'export default (event) => new Promise((resolve) => setTimeout(() => resolve(event), event.ms))',
  python: 'import time\ndef handler(event, ctx):\n    time.sleep(event["ms"] / 1000)\n    return event\n',
}
const COUNT: Code = {
  node: 'let calls = 0\nexport default () => ++calls',
  python: 'calls = 0\ndef handler(event, ctx):\n    global calls\n    calls += 1\n    return calls\n',
}

const returning = (expression: string) => `${NODE_VALUES}\nexport default () => (${expression})`
const returned = (expression: string) => `${PYTHON_VALUES}\ndef handler(event, ctx):\n    return ${expression}\n`

const NODE_VALUES = `
class Point { constructor(x) { this.x = x } }
class Money { toJSON() { return { cents: 5 } } }
function* items() { yield 1 }
const circle = { list: [] }; circle.list.push(circle)
const deep = (n) => { let value = new Date(0); for (let i = 0; i < n; i++) value = [value]; return value }`
const PYTHON_VALUES = `
import array, collections, dataclasses, datetime, decimal, enum, pathlib, uuid
class Colour(enum.Enum):
    RED = 'red'
class Level(enum.IntEnum):
    HIGH = 3
@dataclasses.dataclass
class Point:
    x: object
class Plain: pass
def items(): yield 1
circle = {'list': []}
circle['list'].append(circle)
def deep(n):
    value = datetime.date(1970, 1, 1)
    for _ in range(n): value = [value]
    return value`

/** JavaScript, Python, and their common JSON. */
const JSON_FORMS: [node: string | null, python: string | null, json: string][] = [
  ['undefined', 'None', 'null'],
  ['[undefined, , null]', '[None, None, None]', '[null,null,null]'],
  ['{ a: undefined, b: 1 }', "{'b': 1}", '{"b":1}'],
  ['new Date(0)', null, '"1970-01-01T00:00:00.000Z"'],
  [null, 'datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)', '"2026-01-02T03:04:05+00:00"'],
  [null, '[datetime.date(2026, 1, 2), datetime.time(3, 4)]', '["2026-01-02","03:04:00"]'],
  ["new Map([['a', new Map([[1, 2]])]])", "{'a': {1: 2}}", '{"a":{"1":2}}'],
  ["new Set(['a', 1])", "dict.fromkeys(['a', 1]).keys()", '["a",1]'],
  ['[new Set([7])]', '[{7}, frozenset({8})][:1]', '[[7]]'],
  [null, '((1, 2), collections.deque([3]), range(2))', '[[1,2],[3],[0,1]]'],
  ['[12345678901234567890n]', "[decimal.Decimal('12345678901234567890')]", '[12345678901234567890]'],
  [null, "decimal.Decimal('1.10')", '1.10'],
  [null, 'uuid.UUID(int=1)', '"00000000-0000-0000-0000-000000000001"'],
  [null, '[Colour.RED, Level.HIGH, {Colour.RED: 1}]', '["red",3,{"red":1}]'],
  ['new Point(new Date(0))', "Point('1970-01-01T00:00:00.000Z')", '{"x":"1970-01-01T00:00:00.000Z"}'],
  ['[new Money()]', null, '[{"cents":5}]'],
  ["[new URL('https://example.com/a b')]", null, '["https://example.com/a%20b"]'],
  [null, "pathlib.PurePosixPath('a/b')", '"a/b"'],
  ['new Float32Array([0.5, 2.5])', "array.array('d', [0.5, 2.5])", '[0.5,2.5]'],
  ["{ a: Buffer.from('ab') }", "{'a': b'ab'}", '{"a":{"$bytes":"YWI="}}'],
  ['[new String("a"), new Number(1), Object(2n)]', null, '["a",1,2]'],
]

/** JavaScript, Python, and their common error. */
const NO_JSON_FORM: [node: string | null, python: string | null, message: RegExp][] = [
  [
    '{ items: [1, 2, 3, () => 1] }',
    "{'items': [1, 2, 3, lambda: 1]}",
    /^result\.items\[3\]: a function has no JSON form$/,
  ],
  ['{ a: NaN }', "{'a': float('nan')}", /^result\.a: NaN has no JSON form$/],
  ['[-Infinity]', "[float('-inf')]", /^result\[0\]: -Infinity has no JSON form$/],
  [null, "decimal.Decimal('NaN')", /^result: NaN has no JSON form$/],
  ["{ 'a b': Symbol('x') }", "{'a b': object()}", /^result\["a b"\]: (a symbol|an object) has no JSON form$/],
  ['[items()]', '[items()]', /^result\[0\]: a [Gg]enerator has no JSON form$/],
  ['[[].values()]', '[iter([])]', /^result\[0\]: an? .*[iI]terator has no JSON form$/],
  ['[new ReadableStream()]', 'open(__file__)', /^result(\[0\])?: a (ReadableStream|TextIOWrapper) has no JSON form$/],
  ['[Promise.resolve(1)]', null, /^result\[0\]: a Promise has no JSON form$/],
  ["[new Error('x')]", "[ValueError('x')]", /^result\[0\]: an? (Error|ValueError) has no JSON form$/],
  ['/a/', 'Plain()', /^result: a (RegExp|Plain) has no JSON form$/],
  ['new Date(NaN)', 'datetime.timedelta(1)', /^result: an? (invalid Date|timedelta) has no JSON form$/],
  ['circle', 'circle', /^result\.list\[0\]: an object that contains itself has no JSON form$/],
  [
    'new Map([[{}, 1]])',
    '{(1, 2): 1}',
    /^result: a (Map|dict) with a key that is an? (Object|tuple) has no JSON form$/,
  ],
  ["new Map([[1, 1], ['1', 2]])", "{1: 1, '1': 2}", /^result: a (Map|dict) with two keys "1" has no JSON form$/],
  ['deep(600)', 'deep(600)', /: a value more than 500 levels deep has no JSON form$/],
]

/** Waits until `isRight` accepts a value, compared with the first one. */
async function until<T>(read: () => T, isRight: (first: T, now: T) => boolean): Promise<void> {
  const first = read()
  for (let attempt = 0; attempt < 500 && !isRight(first, read()); attempt++) await setTimeout(10)
}

/** Waits for a matching log line. */
async function saidLate(lines: readonly { text: string }[], what: RegExp): Promise<string> {
  const found = () => lines.find(({ text }) => what.test(text))?.text
  for (let attempt = 0; attempt < 1000 && found() === undefined; attempt++) await setTimeout(10)
  assert.ok(found() !== undefined, `not said: ${what}, but ${JSON.stringify(lines)}`)
  return found()!
}

/**
 * User code that runs after the result of its call, and the resulting line in the call's log. Failures come half a second later, because
 * a busy machine may need that long to send the result.
 */
const LATE_FAILURES: [name: string, node: string | null, python: string | null, said: RegExp][] = [
  [
    'an exception',
    'setTimeout(() => { throw new RangeError("late") }, 500)',
    'threading.Timer(0.5, fail).start()',
    /^Failed after the result: (RangeError|ValueError): late\n[\s\S]*main\./,
  ],
  [
    'an immediate exception',
    'setImmediate(() => { throw new RangeError("late") })',
    'threading.Thread(target=fail_soon).start()',
    /^Failed after the result: (RangeError|ValueError): late\n/,
  ],
  [
    'an unhandled rejection',
    'Promise.reject(new RangeError("late"))',
    null,
    /^Failed after the result: RangeError: late\n/,
  ],
  [
    'a later unhandled rejection',
    'setTimeout(() => Promise.reject(new RangeError("late", { cause: new Error("why") })), 500)',
    null,
    /^Failed after the result: RangeError: late: why\n/,
  ],
  [
    'a late request',
    'setTimeout(() => ctx.zerodb.a.b(), 500)',
    'threading.Timer(0.5, ctx.zerodb.a.b).start()',
    /The call has ended: it can no longer use/,
  ],
  [
    'an exit',
    'setTimeout(() => process.exit(0), 500)',
    null,
    /^Failed after the result: process\.exit\(0\) was called/,
  ],
  [
    'a kill of its process',
    'setTimeout(() => process.kill(process.pid, "SIGKILL"), 500)',
    'threading.Timer(0.5, os._exit, [3]).start()',
    /^The process of the function ended (by|with)/,
  ],
  [
    'an endless loop',
    'setTimeout(() => { for (;;); }, 500)',
    'threading.Thread(target=loop, daemon=True).start()',
    /^Background work of the function was stopped: it did not end within 2 s after the result/,
  ],
]

const leaving = (node: string | null, python: string | null): Code => ({
  node: `let calls = 0
export default (event, ctx) => {
  calls++
  if (event !== 'leave') return calls
  ${node}
  return 'armed'
}`,
  python: `
import os, threading, time
calls = 0
def fail():
    raise ValueError('late')
def fail_soon():
    time.sleep(0.5)
    fail()
def loop():
    while True: pass
def handler(event, ctx):
    global calls
    calls += 1
    if event != 'leave':
        return calls
    ${python}
    return 'armed'
`,
})

export const CASES: Case[] = [
  ...LATE_FAILURES.flatMap(([name, node, python, said]) =>
    both(`B5: ${name} after the result belongs to the log of its call`, async (driver, runtime) => {
      if ((runtime === NODE ? node : python) === null) return
      const { node: js, python: py } = leaving(node, python)
      const program = programOf(runtime, runtime === NODE ? js : py)
      const late = collect()
      const leave = { input: { event: 'leave' }, onLog: late.onLog, onLateLog: late.onLog }
      assert.equal(jsonOf(await driver.call(callOf(program, leave))), 'armed')
      // Concurrent callers, and callers after a failure, get a separate process each.
      const innocent = collect()
      const other = { input: { event: 'stay' }, onLog: innocent.onLog, onLateLog: innocent.onLog }
      assert.equal(jsonOf(await driver.call(callOf(program, other))), 1)
      await saidLate(late.lines, said)
      assert.equal(jsonOf(await driver.call(callOf(program, other))), 2)
      assert.deepEqual(innocent.lines, [])
      // The failure is logged without a next call, too.
      const alone = collect()
      const again = { input: { event: 'leave' }, onLog: alone.onLog, onLateLog: alone.onLog }
      const another = programOf(runtime, runtime === NODE ? js : py)
      assert.equal(jsonOf(await driver.call(callOf(another, again))), 'armed')
      await saidLate(alone.lines, said)
    }),
  ),
  ...both(
    'B5: output after the result belongs to the log of its call, and the process continues',
    async (driver, runtime) => {
      const code = leaving(
        `setTimeout(() => { console.log('printed late'); ctx.log('logged late') }, 100)`,
        `threading.Timer(0.1, lambda: (print('printed late'), ctx.log('logged late'))).start()`,
      )
      const program = programOf(runtime, runtime === NODE ? code.node : code.python)
      const { lines, onLog } = collect()
      const leave = { input: { event: 'leave' }, onLog, onLateLog: onLog }
      assert.equal(jsonOf(await driver.call(callOf(program, leave))), 'armed')
      await saidLate(lines, /^logged late$/)
      assert.deepEqual(
        lines.map(({ stream, text }) => [stream, text]),
        [
          ['stdout', 'printed late'],
          ['log', 'logged late'],
        ],
      )
      // The process is reused after the remaining work has ended; it is not defined for which call.
      let calls = 0
      for (let attempt = 0; attempt < 200 && calls < 2; attempt++) {
        calls = jsonOf(await driver.call(callOf(program, { input: { event: 'stay' } })))
        await setTimeout(5)
      }
      assert.ok(calls >= 2)
    },
  ),
  ...both(
    'B5: a function that always leaves harmless work is eventually served by one process',
    async (driver, runtime) => {
      const code = leaving(
        'setTimeout(() => {}, 60_000)',
        'threading.Thread(target=time.sleep, args=[60], daemon=True).start()',
      )
      const program = programOf(runtime, runtime === NODE ? code.node : code.python)
      const call = () => driver.call(callOf(program, { input: { event: 'leave' }, onLateLog: () => {} }))
      let warm = 0
      for (let n = 0; n < 60 && warm < 3; n++) {
        if (!(await call()).cold) warm++
        await setTimeout(30)
      }
      assert.equal(warm, 3)
    },
  ),
  {
    name: 'python3.11: B5: a failing background task and an idle pool belong to the log of their call',
    async run(driver) {
      const source = `
import asyncio
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(2)
async def fail():
    raise ValueError('in a task')
async def handler(event, ctx):
    asyncio.create_task(fail())
    await asyncio.sleep(0)
    return pool.submit(lambda: 7).result()
`
      const { lines, onLog } = collect()
      const program = programOf('python3.11', source)
      const first = await driver.call(callOf(program, { onLog, onLateLog: onLog }))
      assert.equal(jsonOf(first), 7)
      const line = await saidLate(lines, /in a task/)
      assert.match(line, /^Task exception was never retrieved: ValueError: in a task\n/)
      await setTimeout(50)
      assert.equal((await driver.call(callOf(program, { onLateLog: onLog }))).cold, false)
    },
  },
  ...both('a handler gets the event and returns JSON', async (driver, runtime) => {
    const event = { id: 'evt_1', data: { text: 'ä 🔑', none: null, list: [1, 2.5, true] } }
    const outcome = await runCode(driver, runtime, ECHO, { input: { event } })
    assert.deepEqual(jsonOf(outcome), event)
    assert.equal(outcome.cold, true)
    assert.deepEqual([outcome.stdout, outcome.stderr], ['', ''])
    assert.ok(outcome.duration_ms >= 0 && outcome.queued_ms >= 0)
  }),

  ...both('a call whose process ends reports its peak memory like other calls', async (driver, runtime) => {
    const isCounted = (await runCode(driver, runtime, ECHO, { input: {} })).peak_memory_bytes !== null
    const exit: Code = {
      node: 'export default () => process.kill(process.pid, "SIGKILL")',
      python: 'import os\ndef handler(event, ctx):\n    os._exit(3)\n',
    }
    for (let n = 0; n < 5; n++) {
      const { status, peak_memory_bytes } = await runCode(driver, runtime, exit, { input: {} })
      assert.deepEqual([status, peak_memory_bytes !== null], ['crashed', isCounted])
    }
  }),

  ...both(
    'ctx has the values of the caller, and the environment has only the program’s variables',
    async (driver, runtime) => {
      const code = {
        node: 'export default (e, ctx) => [ctx.run_id, ctx.attempt, ctx.env, { ...process.env }]',
        python: 'import os\ndef handler(e, ctx):\n    return [ctx.run_id, ctx.attempt, ctx.env, dict(os.environ)]\n',
      }
      const env = { API_KEY: 'secret', EMPTY: '' }
      const input = { context: { run_id: 'r1', attempt: 3 } }
      assert.deepEqual(jsonOf(await runCode(driver, runtime, code, { input }, { env })), ['r1', 3, env, env])
    },
  ),

  ...both('no return value is null', async (driver, runtime) => {
    const code = { node: 'export default () => {}', python: 'def handler(e, ctx):\n    pass\n' }
    assert.equal(jsonOf(await runCode(driver, runtime, code)), null)
  }),

  ...both('bytes are accepted as input and result', async (driver, runtime) => {
    const code = {
      node: 'export default ({ data }) => Buffer.concat([data.body, Buffer.from([255])])',
      python: 'def handler(e, ctx):\n    return e["data"]["body"] + bytes([255])\n',
    }
    const event = { data: { body: { $bytes: Buffer.from([0, 128]).toString('base64') } } }
    const { status, result } = await runCode(driver, runtime, code, { input: { event } })
    assert.equal(status, 'ok')
    assert.deepEqual(result, {
      kind: 'response',
      status: 200,
      headers: [['content-type', 'application/octet-stream']],
      body: Buffer.from([0, 128, 255]),
    })
  }),

  ...both('an HTTP response has status, headers in lower case, and a body', async (driver, runtime) => {
    const code = {
      node: 'export default (e, ctx) => ctx.response({ a: 1 }, { status: 201, headers: { "X-A": "b", "Set-Cookie": ["c", "d"] } })',
      python:
        'def handler(e, ctx):\n    return ctx.response({"a": 1}, status=201, headers={"X-A": "b", "Set-Cookie": ["c", "d"]})\n',
    }
    const { result } = await runCode(driver, runtime, code)
    assert.ok(result?.kind === 'response')
    assert.equal(result.status, 201)
    assert.deepEqual(result.headers, [
      ['x-a', 'b'],
      ['set-cookie', 'c'],
      ['set-cookie', 'd'],
      ['content-type', 'application/json'],
    ])
    assert.deepEqual(JSON.parse(Buffer.from(result.body).toString()), { a: 1 })
  }),

  {
    name: 'nodejs20: a Response is an HTTP answer',
    async run(driver) {
      const code = 'export default () => new Response("hello", { status: 404, headers: { "X-A": "b" } })'
      const { result } = await driver.call(callOf(programOf(NODE, code)))
      assert.ok(result?.kind === 'response')
      assert.deepEqual([result.status, Buffer.from(result.body).toString()], [404, 'hello'])
      assert.ok(result.headers.some(([name, value]) => name === 'x-a' && value === 'b'))
    },
  },
  {
    name: 'python3.11: a coroutine is awaited',
    async run(driver) {
      const code = 'import asyncio\nasync def handler(e, ctx):\n    await asyncio.sleep(0)\n    return 7\n'
      assert.equal(jsonOf(await driver.call(callOf(programOf('python3.11', code)))), 7)
    },
  },

  ...both('an exception is reported with name, message and position', async (driver, runtime) => {
    const code = {
      node: '\nexport default () => { throw new RangeError("too far") }',
      python: '\ndef handler(e, ctx):\n    raise KeyError("too far")\n',
    }
    const { status, result, error } = await runCode(driver, runtime, code)
    assert.deepEqual([status, result], ['threw', null])
    assert.equal(error?.name, runtime === NODE ? 'RangeError' : 'KeyError')
    assert.match(error!.message, /too far/)
    assert.match(error!.stack!, runtime === NODE ? /\(?main\.mjs:2:\d+/ : /"main\.py", line 3, in handler/)
    assert.doesNotMatch(error!.stack!, /\/opt|python\.py|node\.mjs/)
  }),

  ...both('code that cannot be loaded is reported as thrown, with the position', async (driver, runtime) => {
    const code = { node: '\nexport default (', python: '\ndef handler(:\n' }
    const { status, error } = await runCode(driver, runtime, code)
    assert.equal(status, 'threw')
    assert.equal(error?.name, 'SyntaxError')
    const none = await runCode(driver, runtime, { node: 'export const a = 1', python: 'a = 1' })
    assert.equal(none.status, 'threw')
    assert.match(none.error!.message, /has no handler/)
  }),

  ...both('B7: the stack has the chain of causes, the message the deepest cause', async (driver, runtime) => {
    const chain = {
      node: `const inner = () => { throw new RangeError('too far') }
export default () => {
  try { inner() } catch (cause) { throw new Error('outer', { cause: new Error('middle', { cause }) }) }
}`,
      python: `
def inner():
    raise IndexError('too far')
def handler(e, ctx):
    try:
        inner()
    except Exception as error:
        raise RuntimeError('outer') from error
`,
    }
    const { error } = await runCode(driver, runtime, chain)
    assert.deepEqual(
      [error?.name, error?.message],
      runtime === NODE ? ['Error', 'outer: RangeError: too far'] : ['RuntimeError', 'outer: IndexError: too far'],
    )
    if (runtime === NODE) {
      assert.match(error!.stack!, /^Error: outer\n {4}at .*\n {2}\[cause\]: Error: middle\n/)
      assert.match(error!.stack!, /\n {4}\[cause\]: RangeError: too far\n.*main\.mjs:1:/)
    } else {
      assert.match(error!.stack!, /File "main\.py", line 3, in inner[\s\S]*IndexError: too far\n/)
      assert.match(error!.stack!, /direct cause[\s\S]*line 8, in handler[\s\S]*RuntimeError: outer$/)
    }
    assert.doesNotMatch(error!.stack!, /python\.py|node\.mjs|\/opt|node:internal/)

    const several = {
      node: `export default () => { throw new AggregateError([new TypeError('a'), new Error('b')], 'two failed') }`,
      python: `
class Several(Exception):
    exceptions = (TypeError('a'), Exception('b'))
def handler(e, ctx):
    raise Several('two failed')
`,
    }
    const group = (await runCode(driver, runtime, several)).error
    assert.equal(group?.message, 'two failed: TypeError: a; b')
    if (runtime === NODE) assert.match(group!.stack!, /\[errors 0\]: TypeError: a\n[\s\S]*\[errors 1\]: Error: b\n/)

    const said = {
      node: `export default () => { throw new Error('outer: too far', { cause: new Error('too far') }) }`,
      python: `def handler(e, ctx):\n    raise Exception('outer: too far') from Exception('too far')\n`,
    }
    assert.equal((await runCode(driver, runtime, said)).error?.message, 'outer: too far')
    const circle = {
      node: `export default () => { const a = new Error('a'); a.cause = new Error('b', { cause: a }); throw a }`,
      python: `def handler(e, ctx):\n    a, b = Exception('a'), Exception('b')\n    a.__cause__, b.__cause__ = b, a\n    raise a\n`,
    }
    assert.match((await runCode(driver, runtime, circle)).error!.message, /^a(: b)?$/)
  }),
  {
    name: 'nodejs20: B7: a thrown value that is not an error is described; a failed fetch has its cause',
    async run(driver) {
      const thrown = [
        [`'no luck'`, 'no luck'],
        ['{ code: 7 }', '{"code":7}'],
        ['null', 'null was thrown'],
        ['undefined', 'undefined was thrown'],
        ['7', '7 was thrown'],
        ['new (class Odd {})', 'an Odd was thrown'],
        [`Promise.reject('later')`, 'a Promise was thrown'],
      ]
      for (const [expression, message] of thrown) {
        const node = `process.on('unhandledRejection', () => {})\nexport default () => { throw ${expression} }`
        const { status, error } = await runCode(driver, NODE, { node, python: '' })
        assert.deepEqual([status, error], ['threw', { name: 'Error', message }])
      }
      const node = `class PaymentDeclined extends Error {}\nexport default () => { throw new PaymentDeclined('no') }`
      const { error } = await runCode(driver, NODE, { node, python: '' })
      assert.deepEqual([error?.name, error?.message], ['PaymentDeclined', 'no'])
      const fetches = `export default () => fetch('http://127.0.0.1:9/', { signal: AbortSignal.timeout(5000) })`
      const failed = (await runCode(driver, NODE, { node: fetches, python: '' })).error!
      assert.match(`${failed.name}: ${failed.message}`, /^TypeError: fetch failed: \S/)
      assert.match(failed.stack!, /\n {2}\[cause\]: Error: /)
    },
  },
  {
    name: 'python3.11: B6: a SyntaxError names file and line, also for a module in a folder',
    async run(driver) {
      const files = {
        'main.py': 'from pkg import broken\ndef handler(e, ctx):\n    pass\n',
        'pkg/__init__.py': '',
        'pkg/broken.py': '\n\ndef f(:\n',
      }
      const { status, error } = await driver.call(callOf(programOf('python3.11', '', { files })))
      assert.equal(status, 'threw')
      assert.deepEqual([error?.name, error?.message], ['SyntaxError', 'invalid syntax (pkg/broken.py, line 3)'])
    },
  },
  {
    name: 'python3.11: D: a handler has none, one or two parameters, or ctx by name',
    async run(driver) {
      const handlers = [
        ['def handler():\n    return "none"', 'none'],
        ['def handler(event):\n    return event', 'event'],
        ['async def handler(event):\n    return event', 'event'],
        ['def handler(event, ctx):\n    return [event, ctx.run_id]', ['event', 'r1']],
        ['def handler(event, *, ctx):\n    return [event, ctx.run_id]', ['event', 'r1']],
        ['def handler(event, *, context=None):\n    return [event, context.run_id]', ['event', 'r1']],
        ['def handler(*given):\n    return len(given)', 2],
        ['def handler(event, **rest):\n    return [event, rest]', ['event', {}]],
        ['handler = lambda event: event', 'event'],
        ['class Object:\n    def __call__(self, event):\n        return event\nhandler = Object()', 'event'],
        ['class Object:\n    def go(self, event):\n        return event\nhandler = Object().go', 'event'],
        ['import functools\ndef f(a, event):\n    return [a, event]\nhandler = functools.partial(f, 1)', [1, 'event']],
      ] as const
      const input = { event: 'event', context: { run_id: 'r1' } }
      for (const [source, expected] of handlers)
        assert.deepEqual(jsonOf(await driver.call(callOf(programOf('python3.11', source), { input }))), expected)
      const { error } = await driver.call(callOf(programOf('python3.11', 'def handler(a, b, c):\n    pass'), { input }))
      assert.match(error!.message, /missing 1 required positional argument: 'c'/)
    },
  },

  ...both('a handler can request a later retry, or no retry', async (driver, runtime) => {
    const later = {
      node: 'export default (e, ctx) => ctx.retryLater(7, "not yet")',
      python: 'def handler(e, ctx):\n    ctx.retry_later(7, "not yet")\n',
    }
    const never = {
      node: 'export default (e, ctx) => ctx.neverRetry("hopeless")',
      python: 'def handler(e, ctx):\n    ctx.never_retry("hopeless")\n',
    }
    const first = await runCode(driver, runtime, later)
    assert.deepEqual(
      [first.status, first.error?.message, first.error?.retry_after_seconds, first.error?.never_retry],
      ['threw', 'not yet', 7, undefined],
    )
    const second = await runCode(driver, runtime, never)
    assert.deepEqual(
      [second.status, second.error?.message, second.error?.retry_after_seconds, second.error?.never_retry],
      ['threw', 'hopeless', undefined, true],
    )
  }),

  ...both('B11: values with an obvious JSON form are converted to it', async (driver, runtime) => {
    for (const [node, python, expected] of JSON_FORMS) {
      const code = runtime === NODE ? node : python
      if (code === null) continue
      const outcome = await runCode(driver, runtime, { node: returning(code), python: returned(code) })
      assert.deepEqual([code, outcome.error?.message ?? null], [code, null])
      assert.equal(outcome.result?.kind, 'json')
      assert.deepEqual([code, Buffer.from(outcome.result!.body).toString()], [code, expected])
    }
  }),

  ...both('B11: other values are refused by name, with their path', async (driver, runtime) => {
    for (const [node, python, expected] of NO_JSON_FORM) {
      const code = runtime === NODE ? node : python
      if (code === null) continue
      const { status, error } = await runCode(driver, runtime, { node: returning(code), python: returned(code) })
      assert.deepEqual([code, status, error?.name], [code, 'threw', 'TypeError'])
      assert.match(error!.message, expected)
    }
  }),

  ...both('B11: arguments and answers of host calls follow the same rule', async (driver, runtime) => {
    const code = {
      node: `export default async (e, ctx) => {
        await ctx.zerodb.rows.insert({ row_data: { at: new Date(0), tags: new Set(['a']) } })
        await ctx.zerodb.rows.insert({ row_data: { at: NaN } }).catch(async (error) => ctx.log(error.message))
        return ctx.response(new Map([['a', 1]]))
      }`,
      python: `
from datetime import datetime, timezone
def handler(e, ctx):
    ctx.zerodb.rows.insert(row_data={'at': datetime(1970, 1, 1, tzinfo=timezone.utc), 'tags': {'a'}})
    try:
        ctx.zerodb.rows.insert(row_data={'at': float('nan')})
    except TypeError as error:
        ctx.log(str(error))
    return ctx.response({'a': 1})
`,
    }
    const asked: unknown[] = []
    const { lines, onLog } = collect()
    const onHostCall = async (_: string, body: unknown) => void asked.push((body as { input: unknown }).input)
    const { result } = await runCode(driver, runtime, code, { onLog, onHostCall })
    const at = runtime === NODE ? '1970-01-01T00:00:00.000Z' : '1970-01-01T00:00:00+00:00'
    assert.deepEqual(asked, [{ row_data: { at, tags: ['a'] } }])
    assert.deepEqual(lines[0]?.text, 'input.row_data.at: NaN has no JSON form')
    assert.equal(Buffer.from(result!.body).toString().replaceAll(' ', ''), '{"a":1}')
  }),

  ...both(
    'a result at the limit passes; one byte more is output_limit, and no part of it is kept',
    async (driver, runtime) => {
      const code = {
        node: 'export default (n) => "a".repeat(n)',
        python: 'def handler(n, ctx):\n    return "a" * n\n',
      }
      const program = programOf(runtime, runtime === NODE ? code.node : code.python)
      const result = (event: number) => driver.call(callOf(program, { input: { event }, output_limit_bytes: 1000 }))
      assert.equal(jsonOf(await result(998)).length, 998)
      const over = await result(999)
      assert.deepEqual([over.status, over.result], ['output_limit', null])
      assert.match(over.error!.message, /larger than 1000 bytes/)
      const response = {
        node: 'export default (n) => Buffer.alloc(n)',
        python: 'def handler(n, ctx):\n    return bytes(n)\n',
      }
      const bytes = await runCode(driver, runtime, response, { input: { event: 1001 }, output_limit_bytes: 1000 })
      assert.equal(bytes.status, 'output_limit')
    },
  ),

  ...both('a result far over the limit is output_limit too', async (driver, runtime) => {
    const code = {
      node: 'export default () => ({ list: Array(100).fill("a".repeat(1_000_000)) })',
      python: 'def handler(e, ctx):\n    return {"list": ["a" * 1_000_000] * 100}\n',
    }
    assert.equal((await runCode(driver, runtime, code)).status, 'output_limit')
  }),

  ...both('output and logs arrive in order, line by line', async (driver, runtime) => {
    const code = {
      node: `export default (e, ctx) => {
        console.log('one')
        ctx.log.warn('two', { n: 2 })
        console.error('three')
        process.stdout.write('fo')
        process.stdout.write('ur\\nfive')
      }`,
      python: `
import sys
def handler(e, ctx):
    print('one')
    ctx.log.warn('two', {'n': 2})
    print('three', file=sys.stderr)
    sys.stdout.write('fo')
    sys.stdout.write('ur\\nfive')
`,
    }
    const { lines, onLog } = collect()
    const { stdout, stderr } = await runCode(driver, runtime, code, { onLog })
    assert.deepEqual([stdout, stderr], ['one\nfour\nfive', 'three\n'])
    assert.deepEqual(
      lines.map(({ stream, level, text }) => [stream, level, text.replace('"n": 2', '"n":2')]),
      [
        ['stdout', 'info', 'one'],
        ['log', 'warn', 'two {"n":2}'],
        ['stderr', 'info', 'three'],
        ['stdout', 'info', 'four'],
        ['stdout', 'info', 'five'],
      ],
    )
  }),

  ...both(
    'output over 50 KB is cut with a line that says so; over 1 MB the call is killed',
    async (driver, runtime) => {
      const code = {
        node: 'export default (n) => { for (let i = 0; i < n; i++) console.log("a".repeat(999)) }',
        python: 'def handler(n, ctx):\n    for i in range(n): print("a" * 999)\n',
      }
      const some = await runCode(driver, runtime, code, { input: { event: 100 } })
      assert.equal(some.status, 'ok')
      assert.ok(some.stdout.length < 51_300)
      assert.match(some.stdout, /\n\[cut here: more than 51200 bytes\]\n$/)
      const { status, stdout } = await runCode(driver, runtime, code, { input: { event: 1e9 } })
      assert.equal(status, 'output_limit')
      assert.ok(stdout.length < 51_300)
    },
  ),

  ...both('D: 4 MB in one write are cut with a note, and the call continues', async (driver, runtime) => {
    const code = {
      node: `export default (e, ctx) => {
        ctx.log('ä'.repeat(2e6))
        console.log('y'.repeat(4e6))
        ctx.log('after')
        return 1
      }`,
      python: `
def handler(e, ctx):
    ctx.log('ä' * 2000000)
    print('y' * 4000000)
    ctx.log('after')
    return 1
`,
    }
    const { lines, onLog } = collect()
    const outcome = await runCode(driver, runtime, code, { onLog })
    assert.equal(jsonOf(outcome), 1)
    assert.match(outcome.stdout, /^y+\n\[cut here: more than 51200 bytes\]\n$/)
    const said = lines.filter(({ stream }) => stream === 'log').map(({ text }) => text)
    assert.equal(said.length, 2)
    assert.match(said[0]!, /^ä{16000,}\n\[cut here: 4000001 bytes\]$/)
    assert.equal(said[1], 'after')
  }),

  ...both(
    'a call that exceeds its timeout is killed and keeps its output; the next call is served',
    async (driver, runtime) => {
      const program = programOf(runtime, runtime === NODE ? LOOP.node : LOOP.python)
      const outcome = await driver.call(callOf(program, { timeout_seconds: 1 }))
      assert.equal(outcome.status, 'timeout')
      assert.equal(outcome.stdout, 'looping\n')
      assert.match(outcome.error!.message, /longer than 1 s/)
      assert.ok(outcome.duration_ms >= 990)
      assert.equal(jsonOf(await runCode(driver, runtime, ECHO, { input: { event: 1 } })), 1)
    },
  ),

  ...both('a handler can read its remaining time', async (driver, runtime) => {
    const code = {
      node: `export default async (e, ctx) => {
        const before = ctx.timeLeft()
        await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
        return [before > 0 && before <= 1, ctx.timeLeft() > 0, ctx.signal.reason.name]
      }`,
      python: `
import time
def handler(e, ctx):
    before = ctx.time_left()
    while not ctx.cancelled: time.sleep(0.01)
    return [0 < before <= 1, ctx.time_left() > 0, 'TimeoutError']
`,
    }
    const outcome = await runCode(driver, runtime, code, { timeout_seconds: 1 })
    assert.deepEqual(jsonOf(outcome), [true, true, 'TimeoutError'])
  }),

  ...both('a call can be cancelled while it runs and while it waits', async (driver, runtime) => {
    const abort = new AbortController()
    const { onLog } = { onLog: () => abort.abort() }
    const running = await runCode(driver, runtime, LOOP, { signal: abort.signal, onLog })
    assert.deepEqual([running.status, running.result], ['cancelled', null])

    const program = programOf(runtime, runtime === NODE ? WAIT.node : WAIT.python)
    const input = { event: { ms: 300 } }
    const busy = Array.from({ length: CONCURRENCY }, (_, i) =>
      driver.call(callOf({ ...program, key: `${program.key} ${i}` }, { input })),
    )
    const second = new AbortController()
    const waiting = driver.call(callOf(programOf(runtime, '?'), { signal: second.signal }))
    await setTimeout(20)
    second.abort()
    const outcome = await waiting
    assert.deepEqual([outcome.status, outcome.duration_ms], ['cancelled', 0])
    for (const each of await Promise.all(busy)) assert.deepEqual(jsonOf(each), input.event)
  }),

  ...both('a process that exits has crashed, and the next call gets another process', async (driver, runtime) => {
    const code = {
      node: 'export default (e) => { if (e) process.kill(process.pid, "SIGSEGV"); return "well" }',
      python: 'import os\ndef handler(e, ctx):\n    if e: os.kill(os.getpid(), 11)\n    return "well"\n',
    }
    const program = programOf(runtime, runtime === NODE ? code.node : code.python)
    const outcome = await driver.call(callOf(program, { input: { event: true } }))
    assert.equal(outcome.status, 'crashed')
    assert.equal(jsonOf(await driver.call(callOf(program, { input: { event: false } }))), 'well')
    const exit = {
      node: 'export default () => process.exit(0)',
      python: 'import sys\ndef handler(e, ctx):\n    sys.exit(0)\n',
    }
    const { status, error } = await runCode(driver, runtime, exit)
    assert.equal(status, 'threw')
    assert.match(`${error!.name} ${error!.message}`, /exit/i)
  }),

  ...both('a handler calls the host, which answers or refuses', async (driver, runtime) => {
    const code = {
      node: `export default async (e, ctx) => {
        const answer = await ctx.zerodb.memory.remember({ content: 'a note' })
        try { await ctx.zerodb.vectors.get({ vector_id: 'v' }) } catch (error) {
          return [answer, error.message, error.code, error.status]
        }
      }`,
      python: `
def handler(e, ctx):
    answer = ctx.zerodb.memory.remember(content='a note')
    try:
        ctx.zerodb.vectors.get({'vector_id': 'v'})
    except Exception as error:
        return [answer, str(error), error.code, error.status]
`,
    }
    const asked: unknown[] = []
    const outcome = await runCode(driver, runtime, code, {
      async onHostCall(name, body) {
        asked.push([name, body])
        if (asked.length === 2) throw new ZeroError('not_found', 'No such vector')
        return { stored: true }
      },
    })
    assert.deepEqual(jsonOf(outcome), [{ stored: true }, 'No such vector', 'not_found', 404])
    assert.deepEqual(asked, [
      ['operation', { operation: 'memory.remember', input: { content: 'a note' } }],
      ['operation', { operation: 'vectors.get', input: { vector_id: 'v' } }],
    ])
  }),

  ...both(
    'unexpected host errors reveal nothing; a request without a host handler gets an error that says so',
    async (driver, runtime) => {
      const code = {
        node: 'export default (e, ctx) => ctx.zerodb.a.b().catch((error) => [error.code, error.message])',
        python:
          'def handler(e, ctx):\n    try:\n        ctx.zerodb.a.b()\n    except Exception as error:\n        return [error.code, str(error)]\n',
      }
      const secret = async () => {
        throw new Error('password=hunter2')
      }
      const expected = await runCode(driver, runtime, code, { onHostCall: secret })
      assert.deepEqual(jsonOf(expected), ['internal', 'Internal Server Error'])
      assert.deepEqual(jsonOf(await runCode(driver, runtime, code))[0], 'invalid')
    },
  ),

  {
    name: 'nodejs20: a program that ends its process with an open request still has its result',
    async run(driver) {
      const code: Code = {
        node: 'export default (e, ctx) => { ctx.zerodb.a.b({ text: "[".repeat(1_500_000) }).catch(() => {}); process.exit(3) }',
        python: '',
      }
      for (let n = 0; n < 20; n++) {
        const outcome = await runCode(driver, 'nodejs20', code, { onHostCall: async () => 'x'.repeat(100_000) })
        assert.deepEqual([outcome.status, outcome.error?.name], ['threw', 'ProcessExit'])
      }
    },
  },

  ...both('once runs its work once', async (driver, runtime) => {
    const code = {
      node: 'let n = 0\nexport default async (e, ctx) => [await ctx.once("k", () => ++n), await ctx.once("k", () => ++n), n]',
      python: `
n = 0
def add():
    global n
    n += 1
    return n
def handler(e, ctx):
    return [ctx.once('k', add), ctx.once('k', add), n]
`,
    }
    const kept = new Map<string, unknown>()
    const outcome = await runCode(driver, runtime, code, {
      async onHostCall(name, body) {
        const { key, value } = body as { key: string; value?: unknown }
        if (name === 'once.put') kept.set(key, value)
        return name === 'once.get' ? { done: kept.has(key), value: kept.get(key) ?? null } : {}
      },
    })
    assert.deepEqual(jsonOf(outcome), [1, 1, 1])
    assert.deepEqual([...kept], [['k', 1]])
  }),

  ...both('warm calls see data of earlier calls, fresh calls do not', async (driver, runtime) => {
    const code = runtime === NODE ? COUNT.node : COUNT.python
    const warm = programOf(runtime, code)
    assert.deepEqual([jsonOf(await driver.call(callOf(warm))), jsonOf(await driver.call(callOf(warm)))], [1, 2])
    for (const program of [programOf(runtime, code, { isolation: 'fresh' }), programOf(runtime, code, { key: null })]) {
      const outcomes = [await driver.call(callOf(program)), await driver.call(callOf(program))]
      assert.deepEqual(outcomes.map(jsonOf), [1, 1])
      assert.deepEqual(
        outcomes.map(({ cold }) => cold),
        [true, true],
      )
    }
  }),

  ...both('a retired program is not served by its old instances', async (driver, runtime) => {
    const program = programOf(runtime, runtime === NODE ? COUNT.node : COUNT.python)
    assert.equal(jsonOf(await driver.call(callOf(program))), 1)
    driver.retire(program.key!)
    assert.equal(jsonOf(await driver.call(callOf(program))), 1)

    const slow = programOf(runtime, runtime === NODE ? WAIT.node : WAIT.python)
    const busy = driver.call(callOf(slow, { input: { event: { ms: 200 } } }))
    await setTimeout(50)
    driver.retire(slow.key!)
    assert.deepEqual(jsonOf(await busy), { ms: 200 })
    const { cold } = await driver.call(callOf(slow, { input: { event: { ms: 0 } } }))
    assert.equal(cold, true)
  }),

  ...both(
    'config is the exported config, or null without one; code without a handler has none',
    async (driver, runtime) => {
      const code = {
        node: 'export const config = { cron: "* * * * *", timeout: 5 }\nexport default () => {}',
        python: 'config = {"cron": "* * * * *", "timeout": 5}\ndef handler(e, ctx):\n    pass\n',
      }
      const config = await runCode(driver, runtime, code, { mode: 'config' })
      assert.deepEqual(jsonOf(config), { cron: '* * * * *', timeout: 5 })
      assert.equal(jsonOf(await runCode(driver, runtime, ECHO, { mode: 'config' })), null)
      const bare = await runCode(
        driver,
        runtime,
        { node: 'export const config = {}', python: 'config = {}' },
        { mode: 'config' },
      )
      assert.deepEqual([bare.status, /has no handler/.test(bare.error!.message)], ['threw', true])
    },
  ),

  ...both('a script reads standard input and files, prints, and leaves a result', async (driver, runtime) => {
    const code = {
      node: `
import fs from 'node:fs'
setTimeout(() => console.log('last'), 300)
console.log(fs.readFileSync(0, 'utf8').toUpperCase())
export default { file: fs.readFileSync('data/a.txt', 'utf8') }
`,
      python: `
import sys, threading
threading.Timer(0.3, lambda: print('last')).start()
print(sys.stdin.read().upper())
result = {'file': open('data/a.txt').read()}
`,
    }
    const entry = runtime === NODE ? 'main.mjs' : 'main.py'
    const files = { [entry]: runtime === NODE ? code.node : code.python, 'data/a.txt': Buffer.from('ä') }
    const program = programOf(runtime, '', { key: null, files })
    const outcome = await driver.call(callOf(program, { mode: 'script', input: { stdin: 'hello' } }))
    assert.deepEqual(jsonOf(outcome), { file: 'ä' })
    assert.equal(outcome.stdout, 'HELLO\nlast\n')
  }),

  ...both('a script may exit; a code other than 0 counts as thrown', async (driver, runtime) => {
    const exit = (code: number) => ({
      node: `console.log('a'); process.exit(${code})`,
      python: `import sys\nprint('a')\nsys.exit(${code})\n`,
    })
    const rest = { mode: 'script' } as const
    const good = await runCode(driver, runtime, exit(0), rest, { key: null })
    assert.deepEqual([jsonOf(good), good.stdout], [null, 'a\n'])
    const bad = await runCode(driver, runtime, exit(3), rest, { key: null })
    assert.deepEqual([bad.status, bad.stdout], ['threw', 'a\n'])
    assert.match(bad.error!.message, /3/)
  }),

  ...both('calls beyond the slots wait in a queue, and calls beyond the queue are refused', async (driver, runtime) => {
    const program = programOf(runtime, runtime === NODE ? WAIT.node : WAIT.python)
    const input = { event: { ms: 300 } }
    const most = CONCURRENCY * 11
    const calls = Array.from({ length: most }, () => driver.call(callOf(program, { input })))
    await setTimeout(20)
    const { running, queued } = driver.load()
    assert.equal(running + queued, most)
    assert.ok(running <= CONCURRENCY)
    await assert.rejects(driver.call(callOf(program, { input })), (error: ZeroError) => {
      assert.deepEqual([error.code, error.retryAfter], ['sandbox_busy', 1])
      return true
    })
    for (const outcome of await Promise.all(calls)) assert.deepEqual(jsonOf(outcome), input.event)
    assert.deepEqual([driver.load().running, driver.load().queued], [0, 0])
  }),

  ...both('calls that wait for each other in a cycle make progress', async (driver, runtime) => {
    const code = {
      node: 'export default (e, ctx) => ctx.zerodb.functions.invoke({})',
      python: 'def handler(e, ctx):\n    return ctx.zerodb.functions.invoke()\n',
    }
    const inner = programOf(runtime, runtime === NODE ? ECHO.node : ECHO.python)
    const onHostCall = async () => jsonOf(await driver.call(callOf(inner, { nested: true, input: { event: 'inner' } })))
    const outer = programOf(runtime, runtime === NODE ? code.node : code.python)
    const calls = Array.from({ length: CONCURRENCY * 2 }, () => driver.call(callOf(outer, { onHostCall })))
    for (const outcome of await Promise.all(calls)) assert.equal(jsonOf(outcome), 'inner')
  }),

  ...both('the queue of one function does not delay another function', async (driver, runtime) => {
    const slow = programOf(runtime, runtime === NODE ? WAIT.node : WAIT.python)
    const input = { event: { ms: 100 } }
    const many = Array.from({ length: CONCURRENCY * 9 }, () => driver.call(callOf(slow, { input })))
    let done = 0
    for (const each of many) void each.then(() => done++)
    await runCode(driver, runtime, ECHO)
    assert.ok(done <= CONCURRENCY * 3, `${done} calls of the other were served first`)
    await Promise.all(many)
  }),

  ...bounded(
    both('an instance with a remaining child process is not reused', async (driver, runtime) => {
      const code = {
        node: `import { spawn } from 'node:child_process'
          export default (e) => { if (e) spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' }) }`,
        python:
          'import os, time\ndef handler(e, ctx):\n    if e and os.fork() == 0:\n        os.close(3)\n        time.sleep(600)\n',
      }
      const program = programOf(runtime, runtime === NODE ? code.node : code.python)
      assert.equal((await driver.call(callOf(program, { input: { event: false } }))).status, 'ok')
      assert.equal((await driver.call(callOf(program, { input: { event: true } }))).status, 'ok')
      await until(
        () => driver.load().instances,
        (before, now) => now < before,
      )
      assert.equal((await driver.call(callOf(program, { input: { event: false } }))).cold, true)
    }),
  ),
  ...both('a process that closes its channel is ended', async (driver, runtime) => {
    const code = {
      node: 'import fs from "node:fs"\nexport default () => { fs.closeSync(3); return new Promise((resolve) => setTimeout(resolve, 1e6)) }',
      python: 'import os, time\ndef handler(e, ctx):\n    os.close(3)\n    time.sleep(1000)\n',
    }
    const { status, error } = await runCode(driver, runtime, code)
    assert.equal(status, 'crashed', error?.message)
  }),

  ...bounded(
    both('nothing runs between calls', async (driver, runtime) => {
      const code = {
        node: 'let n = 0\nsetInterval(() => n++, 1)\nexport default () => n',
        python: `
import threading, time
n = 0
def count():
    global n
    while True:
        n += 1
        time.sleep(0.001)
threading.Thread(target=count, daemon=True).start()
def handler(e, ctx):
    return n
`,
      }
      const program = programOf(runtime, runtime === NODE ? code.node : code.python)
      const before = jsonOf(await driver.call(callOf(program)))
      await setTimeout(500)
      const { result, cold } = await driver.call(callOf(program))
      const after = JSON.parse(Buffer.from(result!.body).toString())
      assert.equal(cold, false)
      assert.ok(after - before < 250, `it counted from ${before} to ${after}`)
    }),
  ),
  ...bounded(
    both('a full heap is reported as memory', async (driver, runtime) => {
      const code = {
        node: 'export default () => { const a = []; for (;;) a.push(new Array(1e5).fill({})) }',
        python: 'def handler(e, ctx):\n    a = []\n    while True: a.append([0] * 10**6)\n',
      }
      const { status } = await runCode(driver, runtime, code, {}, { memory_mb: 128 })
      assert.equal(status, 'memory')
    }),
  ),
  ...bounded(
    both('a call can request more memory', async (driver, runtime) => {
      const code = {
        node: 'export default () => Buffer.alloc(500e6, 1).length',
        python: 'def handler(e, ctx):\n    return len(bytearray(b"1") * 500_000_000)\n',
      }
      assert.equal(jsonOf(await runCode(driver, runtime, code, {}, { memory_mb: 768 })), 500e6)
      assert.equal((await runCode(driver, runtime, code)).status, 'memory')
    }),
  ),
]
