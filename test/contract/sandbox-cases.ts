import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { ZeroError } from '../../src/errors.ts'
import { RUNTIMES, type Runtime, type SandboxDriver } from '../../src/sandbox/index.ts'
import { type Code, callOf, collect, jsonOf, NODE, programOf, runCode } from '../support/guests.ts'

/** What `SandboxDriver` promises, as programs that any process can run: no test framework is needed. */
export interface Case {
  name: string
  /** Holds only where there is a boundary. */
  bounded?: true
  run(driver: SandboxDriver): Promise<void>
}

/** Calls at once of the drivers that the cases are run on. */
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

/** Waits for a value to become what `isRight` wants of it, compared with the first one. */
async function until<T>(read: () => T, isRight: (first: T, now: T) => boolean): Promise<void> {
  const first = read()
  for (let attempt = 0; attempt < 500 && !isRight(first, read()); attempt++) await setTimeout(10)
}

export const CASES: Case[] = [
  ...both('a handler gets the event and returns JSON', async (driver, runtime) => {
    const event = { id: 'evt_1', data: { text: 'ä 🔑', none: null, list: [1, 2.5, true] } }
    const outcome = await runCode(driver, runtime, ECHO, { input: { event } })
    assert.deepEqual(jsonOf(outcome), event)
    assert.equal(outcome.cold, true)
    assert.deepEqual([outcome.stdout, outcome.stderr], ['', ''])
    assert.ok(outcome.duration_ms >= 0 && outcome.queued_ms >= 0)
  }),

  ...both('a call that its process does not outlive tells its peak of memory as others do', async (driver, runtime) => {
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
    'ctx has what the caller gives, and the environment is the program’s and nothing else',
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

  ...both('nothing returned is null', async (driver, runtime) => {
    const code = { node: 'export default () => {}', python: 'def handler(e, ctx):\n    pass\n' }
    assert.equal(jsonOf(await runCode(driver, runtime, code)), null)
  }),

  ...both('bytes go in and come out', async (driver, runtime) => {
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

  ...both('an HTTP answer has status, headers in lower case, and a body', async (driver, runtime) => {
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

  ...both('what it throws is told with name, message and place', async (driver, runtime) => {
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

  ...both('what cannot be loaded has thrown, and says where', async (driver, runtime) => {
    const code = { node: '\nexport default (', python: '\ndef handler(:\n' }
    const { status, error } = await runCode(driver, runtime, code)
    assert.equal(status, 'threw')
    assert.equal(error?.name, 'SyntaxError')
    const none = await runCode(driver, runtime, { node: 'export const a = 1', python: 'a = 1' })
    assert.equal(none.status, 'threw')
    assert.match(none.error!.message, /has no handler/)
  }),

  ...both('it may ask to be tried later, or never again', async (driver, runtime) => {
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

  ...both('a result that is no JSON has thrown, and says so', async (driver, runtime) => {
    const code = {
      node: 'export default () => { const a = {}; a.a = a; return a }',
      python: 'def handler(e, ctx):\n    return {1, 2}\n',
    }
    const { status, error } = await runCode(driver, runtime, code)
    assert.equal(status, 'threw')
    assert.match(error!.message, /cannot be sent as JSON/)
  }),

  ...both(
    'a result at the limit passes; one byte more is output_limit, and nothing of it is kept',
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

  ...both('what it prints and logs comes in order, line by line', async (driver, runtime) => {
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
    'what is printed past 50 KB is cut with a line that says so; past 1 MB the call is ended',
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

  ...both(
    'a call that takes too long is ended, with what it has printed; the next one is served',
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

  ...both('it is told how much time is left', async (driver, runtime) => {
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

  ...both('a process that ends of itself has crashed, and the next call gets another', async (driver, runtime) => {
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

  ...both('it asks the host, which answers or refuses', async (driver, runtime) => {
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
    'what the host did not foresee tells nothing of itself; where nobody answers it says so',
    async (driver, runtime) => {
      const code = {
        node: 'export default (e, ctx) => ctx.zerodb.a.b().catch((error) => [error.code, error.message])',
        python:
          'def handler(e, ctx):\n    try:\n        ctx.zerodb.a.b()\n    except Exception as error:\n        return [error.code, str(error)]\n',
      }
      const secret = async () => {
        throw new Error('password=hunter2')
      }
      const foreseen = await runCode(driver, runtime, code, { onHostCall: secret })
      assert.deepEqual(jsonOf(foreseen), ['internal', 'Internal Server Error'])
      assert.deepEqual(jsonOf(await runCode(driver, runtime, code))[0], 'invalid')
    },
  ),

  {
    name: 'nodejs20: what ends its process with a question unanswered has its result all the same',
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

  ...both('once does a thing once', async (driver, runtime) => {
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

  ...both('warm calls find what earlier ones have left, fresh ones nothing', async (driver, runtime) => {
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

  ...both('a program that has been retired is not served by its old instances', async (driver, runtime) => {
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
    'config is what it exports as config, and null without; code without a handler has none',
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

  ...both('a script reads its standard input and its files, prints, and leaves a result', async (driver, runtime) => {
    const code = {
      node: `
import fs from 'node:fs'
setTimeout(() => console.log('last'), 20)
console.log(fs.readFileSync(0, 'utf8').toUpperCase())
export default { file: fs.readFileSync('data/a.txt', 'utf8') }
`,
      python: `
import sys, threading
threading.Timer(0.02, lambda: print('last')).start()
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

  ...both('a script may exit; with another code than 0 it has thrown', async (driver, runtime) => {
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

  ...both('calls beyond the slots wait for their turn, and beyond the queue are refused', async (driver, runtime) => {
    const program = programOf(runtime, runtime === NODE ? WAIT.node : WAIT.python)
    const input = { event: { ms: 100 } }
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

  ...both('calls that wait for each other in a ring go on', async (driver, runtime) => {
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

  ...both('one function’s queue does not hold up another function', async (driver, runtime) => {
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
    both('an instance in which a process is left over is not used again', async (driver, runtime) => {
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
    both('nothing goes on between calls', async (driver, runtime) => {
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
    both('a heap that is full is memory', async (driver, runtime) => {
      const code = {
        node: 'export default () => { const a = []; for (;;) a.push(new Array(1e5).fill({})) }',
        python: 'def handler(e, ctx):\n    a = []\n    while True: a.append([0] * 10**6)\n',
      }
      const { status } = await runCode(driver, runtime, code, {}, { memory_mb: 128 })
      assert.equal(status, 'memory')
    }),
  ),
  ...bounded(
    both('more memory can be asked for', async (driver, runtime) => {
      const code = {
        node: 'export default () => Buffer.alloc(500e6, 1).length',
        python: 'def handler(e, ctx):\n    return len(bytearray(b"1") * 500_000_000)\n',
      }
      assert.equal(jsonOf(await runCode(driver, runtime, code, {}, { memory_mb: 768 })), 500e6)
      assert.equal((await runCode(driver, runtime, code)).status, 'memory')
    }),
  ),
]
