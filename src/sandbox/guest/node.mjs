// Runs inside the sandbox, one process for one program: lays the program's files into the working directory, then answers one call after
// the other on descriptor 3 (the frames of ../frames.ts). The supervisor trusts nothing of what comes from here: whatever a user's code
// does to this process, it has only itself to harm.
import { Buffer } from 'node:buffer'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { Writable } from 'node:stream'
import { pathToFileURL } from 'node:url'

const INIT = 1
const CALL = 2
const REPLY = 3
const UP = 16
const RESULT = 17
const LOG = 18
const ASK = 19
const QUIET = 20
const [JSON_RESULT, RESPONSE, THREW, TOO_LARGE] = [0, 1, 2, 3]
const STREAMS = { stdout: 1, stderr: 2, log: 3 }
const LEVELS = ['debug', 'info', 'warn', 'error']
const LOG_PIECE = 32_768
const HEADER = 9
/** What a result says of this process. */
const [REUSABLE, NOT_REUSABLE, WORK_LEFT] = [0, 1, 2]
/** What goes on by itself, as `process.getActiveResourcesInfo` names it. */
const WORK = new Set(['Timeout', 'Immediate', 'FSReqCallback', 'FSReqPromise', 'ProcessWrap', 'Worker', 'MessagePort'])
const WATCH_MS = 5
const ALIVE_AFTER = 4
/** Questions to the host at once; more wait here. */
const MAX_ASKING = 16
const MAX_ERROR_TEXT = 4_000
const MAX_STACK = 12_000
/** Errors of one chain of causes that are shown. */
const MAX_CAUSES = 10
/** Deeper JSON is refused by the server. */
const MAX_DEPTH = 500
/** The server keeps less of a stream: more of one write need not travel. */
const MAX_WRITE_BYTES = 2 * LOG_PIECE

const home = process.cwd()
const scratch = process.env.HOME
const homeUrl = `${pathToFileURL(home).href}/`
const exitProcess = process.reallyExit.bind(process)
const channel = new net.Socket({ fd: 3, readable: true, writable: true })

const sleeping = new Int32Array(new SharedArrayBuffer(4))

let program
let loaded
/** The call under way, and the one before. */
let live = null
let last = null
let watching

function send(type, call, ...parts) {
  let length = 0
  for (const part of parts) length += part.length
  const frame = Buffer.allocUnsafe(HEADER + length)
  frame.writeUInt32LE(length, 0)
  frame[4] = type
  frame.writeUInt32LE(call, 5)
  let at = HEADER
  for (const part of parts) {
    frame.set(part, at)
    at += part.length
  }
  // Never queued: a loop that prints must not fill this process's memory, and who ends it must have said all that it had to say.
  for (let written = 0; written < frame.length; ) {
    try {
      written += fs.writeSync(3, frame, written)
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error
      Atomics.wait(sleeping, 0, 0, 1)
    }
  }
}

function log(stream, level, text, call = live ?? last) {
  const given = typeof text === 'string' ? Buffer.from(text) : text
  const bytes = given.length > MAX_WRITE_BYTES ? cutWrite(stream, given) : given
  for (let at = 0; at < bytes.length; at += LOG_PIECE) {
    const piece = bytes.subarray(at, at + LOG_PIECE)
    send(LOG, call ? call.id : 0, Buffer.from([STREAMS[stream], level]), piece)
  }
}

/** One huge write does not end the call: its beginning is sent, and a note says that there was more. */
function cutWrite(stream, bytes) {
  // The server cuts streams of text itself, with a note; a line of `ctx.log` is one message.
  if (stream !== 'log') return bytes.subarray(0, MAX_WRITE_BYTES)
  const note = Buffer.from(`\n[cut here: ${bytes.length} bytes]\n`)
  let end = LOG_PIECE - note.length
  while ((bytes[end] & 0xc0) === 0x80) end--
  return Buffer.concat([bytes.subarray(0, end), note])
}

for (const [fd, name] of [
  [1, 'stdout'],
  [2, 'stderr'],
]) {
  const stream = new Writable({
    decodeStrings: true,
    write(chunk, _, done) {
      log(name, 1, chunk)
      done()
    },
  })
  Object.assign(stream, { fd, isTTY: false })
  Object.defineProperty(process, name, { configurable: true, enumerable: true, get: () => stream })
}

class Answer {
  constructor(body, { status = 200, headers = {} } = {}) {
    this.status = status
    this.headers = Object.entries(headers).flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map((each) => [name.toLowerCase(), String(each)]),
    )
    let type
    if (body === undefined || body === null) this.body = Buffer.alloc(0)
    else if (isBytes(body)) [this.body, type] = [bytesOf(body), 'application/octet-stream']
    else if (typeof body === 'string') [this.body, type] = [Buffer.from(body), 'text/plain; charset=utf-8']
    else [this.body, type] = [Buffer.from(toJson(body, 'body')), 'application/json']
    if (type && !this.headers.some(([name]) => name === 'content-type')) this.headers.push(['content-type', type])
  }
}

/** An error that a function throws on purpose: how its run goes on is in `fields`. */
function signal(name, message, fields) {
  const error = new Error(message)
  error.name = name
  return Object.assign(error, fields)
}

class Context {
  #call
  #controller
  constructor(call, context) {
    this.#call = call
    Object.assign(this, context)
    this.env = program.env
    this.log = logOf(call)
    this.zerodb = zerodbOf(call)
  }
  /** Seconds until the call is ended. */
  timeLeft() {
    return Math.max(0, (this.#call.deadline - performance.now()) / 1000)
  }
  /** Aborted shortly before that. */
  get signal() {
    if (!this.#controller) {
      this.#controller = new AbortController()
      const left = this.#call.deadline - performance.now() - this.#call.notice
      const timer = setTimeout(() => {
        this.#controller.abort(new DOMException('The call is about to be ended', 'TimeoutError'))
      }, left)
      timer.unref()
      this.#call.timers.push(timer)
    }
    return this.#controller.signal
  }
  /** The row that the event is about, as filters see it; null when it is gone, or the event is about none. */
  async row() {
    return (await ask(this.#call, 'row', {})).row
  }
  /** What `work` returned when it was first done under this key, in whichever attempt. */
  async once(key, work) {
    const known = await ask(this.#call, 'once.get', { key })
    if (known.done) return known.value
    const value = (await work()) ?? null
    await ask(this.#call, 'once.put', { key, value })
    return value
  }
  /** Tells who waits for the call how far it is; `progress` must grow. */
  async progress(progress, total, message) {
    await ask(this.#call, 'progress', { progress, total, message })
  }
  response(body, options) {
    return new Answer(body, options)
  }
  retryLater(seconds, message = 'The function asks to be tried again later') {
    throw signal('RetryLater', message, { retry_after_seconds: seconds })
  }
  neverRetry(message = 'The function asks not to be tried again') {
    throw signal('NeverRetry', message, { never_retry: true })
  }
}

function logOf(call) {
  const write = (level, values) => {
    log('log', level, `${values.map(inspect).join(' ')}\n`, call)
  }
  const main = (...values) => write(1, values)
  LEVELS.forEach((name, level) => {
    main[name] = (...values) => write(level, values)
  })
  return main
}

function inspect(value) {
  if (typeof value === 'string') return value
  if (value instanceof Error) return stackOf(value) ?? String(value)
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return String(value)
  }
}

/** `zerodb.noun.verb(input)` asks the host for the operation `noun.verb`. */
function zerodbOf(call) {
  const nouns = new Map()
  const verbs = (noun) =>
    new Proxy(Object.create(null), {
      get(_, verb) {
        if (typeof verb !== 'string' || verb === 'then') return undefined
        return (input = {}) => ask(call, 'operation', { operation: `${noun}.${verb}`, input })
      },
    })
  return new Proxy(Object.create(null), {
    get(_, noun) {
      if (typeof noun !== 'string' || noun === 'then') return undefined
      if (!nouns.has(noun)) nouns.set(noun, verbs(noun))
      return nouns.get(noun)
    },
  })
}

let lastAsk = 0
let asking = 0
const asked = new Map()
const waitingToAsk = []

/** Asks the host; what it throws comes back as an error with its `code` and `status`. */
async function ask(call, name, body) {
  const bytes = Buffer.from(toJson(body, ''))
  if (asking >= MAX_ASKING) await new Promise((resolve) => waitingToAsk.push(resolve))
  if (live !== call) throw new Error(`The call has ended: ${name} comes too late`)
  asking++
  channel.ref()
  const id = ++lastAsk
  const head = Buffer.alloc(5)
  head.writeUInt32LE(id, 0)
  head[4] = Buffer.byteLength(name)
  try {
    return await new Promise((resolve, reject) => {
      asked.set(id, { resolve, reject })
      send(ASK, call.id, head, Buffer.from(name), bytes)
    })
  } finally {
    asking--
    waitingToAsk.shift()?.()
    if (call.script && asking === 0) channel.unref()
  }
}

/** A number of more digits than a JavaScript number holds, and not an integer: those are BigInts. Computes as the nearest JavaScript number. */
class ExactNumber {
  #text
  constructor(text) {
    this.#text = text
  }
  valueOf() {
    return Number(this.#text)
  }
  toString() {
    return this.#text
  }
  toJSON() {
    return digits(this.#text)
  }
}

const MARK = `exact-number:${Math.random()}:`
const MARKED = new RegExp(`"${MARK}([^"]*)"`, 'g')
let isMarking = false
let hasMarked = false

/** What stands for a number in JSON.stringify: its digits, not in quotation marks. */
function digits(text) {
  if (JSON.rawJSON) return JSON.rawJSON(text)
  if (!isMarking) return text
  hasMarked = true
  return MARK + text
}

Object.defineProperty(BigInt.prototype, 'toJSON', {
  value() {
    return digits(String(this))
  },
  configurable: true,
  writable: true,
})
// Node 20 has no JSON.rawJSON.
if (!JSON.rawJSON) {
  const { stringify: write } = JSON
  JSON.stringify = function stringify(value, replacer, space) {
    const outer = [isMarking, hasMarked]
    isMarking = true
    hasMarked = false
    try {
      const text = write(value, replacer, space)
      return hasMarked ? text.replace(MARKED, '$1') : text
    } finally {
      ;[isMarking, hasMarked] = outer
    }
  }
}

/** Strings, which may look like numbers, and numbers that may have more digits than a JavaScript number. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.]{15,}(?:[eE][+-]?\d+)?|-?\d[\d.]*[eE][+-]?\d{3,}/g
const SUSPECT = /\d[\d.]{15}|\d[eE][+-]?\d{3}/
const isHeld = (token) => token[0] === '"' || String(Number(token)) === token

/** Reads JSON of the host, which writes a number that a JavaScript number holds as JSON.stringify does. */
function parseExact(text, reviver) {
  if (!SUSPECT.test(text)) return JSON.parse(text, reviver)
  const numbers = (text.match(TOKEN) ?? []).filter((token) => token[0] !== '"')
  const list = `[${numbers.join(',')}]`
  // One list of all is twice as fast as one number after the other.
  if (JSON.stringify(JSON.parse(list)) === list) return JSON.parse(text, reviver)
  const marked = text.replace(TOKEN, (token) => (isHeld(token) ? token : `"${MARK}${token}"`))
  return JSON.parse(marked, function revive(key, value) {
    if (typeof value !== 'string' || !value.startsWith(MARK)) return reviver ? reviver.call(this, key, value) : value
    const number = value.slice(MARK.length)
    return /^-?\d+$/.test(number) ? BigInt(number) : new ExactNumber(number)
  })
}

function answered(body) {
  const waiting = asked.get(body.readUInt32LE(0))
  asked.delete(body.readUInt32LE(0))
  const text = body.subarray(5).toString()
  // Bytes travel as {"$bytes": base64}.
  const value = text.includes('"$bytes"')
    ? parseExact(text, (_, inner) => (typeof inner?.$bytes === 'string' ? Buffer.from(inner.$bytes, 'base64') : inner))
    : parseExact(text)
  if (body[4] === 1) waiting?.resolve(value)
  else waiting?.reject(Object.assign(new Error(value.message), value))
}

function isBytes(value) {
  return (
    value instanceof Uint8Array ||
    value instanceof DataView ||
    value instanceof ArrayBuffer ||
    value instanceof SharedArrayBuffer
  )
}

function bytesOf(value) {
  return ArrayBuffer.isView(value)
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : Buffer.from(new Uint8Array(value))
}

/**
 * The JSON of a value, by the table in docs/functions.md; null when it is longer than `limit`. Throws for what has no JSON form, with its path
 * from `root` on.
 */
function toJson(value, root, limit = Number.POSITIVE_INFINITY) {
  return isPlain(value, limit) ? (JSON.stringify(value) ?? 'null') : encode(value, root, limit)
}

/**
 * Whether JSON.stringify may write the value: as far as can be seen without calling what it defines itself, its text is what the table says, and
 * not longer than `limit`.
 */
function isPlain(value, limit) {
  let left = limit
  const visit = (each, depth) => {
    if (typeof each === 'string') left -= each.length
    else left--
    if (left < 0) return false
    if (typeof each === 'number') return Number.isFinite(each)
    if (each === null || each === undefined || typeof each === 'boolean' || typeof each === 'string') return true
    if (typeof each !== 'object' || depth > MAX_DEPTH) return false
    if (Array.isArray(each)) {
      for (let i = 0; i < each.length; i++) if (!visit(each[i], depth + 1)) return false
      return true
    }
    const prototype = Object.getPrototypeOf(each)
    if ((prototype !== Object.prototype && prototype !== null) || 'toJSON' in each) return false
    for (const key of Object.keys(each)) {
      const property = Object.getOwnPropertyDescriptor(each, key)
      if (!property || property.get) return false
      if (property.value === undefined) continue
      left -= key.length + 2
      if (!visit(property.value, depth + 1)) return false
    }
    return true
  }
  try {
    return visit(value, 1)
  } catch {
    // A proxy that throws: the encoder says so.
    return false
  }
}

/** Of a path, so many steps are shown. */
const MAX_STEPS = 20

/** What the encoder throws when its text is longer than it may be. */
const TOO_LONG = Symbol('too long')

function encode(root, name, limit) {
  const parts = []
  const path = []
  const open = new Set()
  let left = limit

  function put(text) {
    left -= text.length
    if (left < 0) throw TOO_LONG
    parts.push(text)
  }
  function refuse(what) {
    const steps = path.map(step)
    if (steps.length > MAX_STEPS) steps.splice(MAX_STEPS / 2, steps.length - MAX_STEPS, '…')
    const place = `${name}${steps.join('')}`.replace(/^\./, '')
    throw new TypeError(`${place === '' ? 'input' : place}: ${what} has no JSON form`)
  }
  function inside(key, value) {
    path.push(key)
    visit(value, key)
    path.pop()
  }
  function list(items) {
    put('[')
    let at = 0
    for (const item of items) {
      if (at > 0) put(',')
      inside(at++, item)
    }
    put(']')
  }
  function object(entries) {
    put('{')
    const keys = new Set()
    for (const [key, value] of entries) {
      if (value === undefined) continue
      if (typeof key !== 'string' && !Number.isFinite(key) && typeof key !== 'bigint')
        refuse(`a Map with a key that is ${kindOf(key)}`)
      const text = String(key)
      if (keys.has(text)) refuse(`a Map with two keys "${text.slice(0, 100)}"`)
      if (keys.size > 0) put(',')
      keys.add(text)
      put(`${JSON.stringify(text)}:`)
      inside(text, value)
    }
    put('}')
  }
  function visit(given, key, converted = false) {
    let value = given
    if (typeof value === 'object' && value !== null) {
      if (value instanceof Number || value instanceof String || value instanceof Boolean) value = value.valueOf()
      else if (value instanceof BigInt) value = value.valueOf()
    }
    if (value === null || value === undefined) return put('null')
    if (typeof value === 'string' && value.length > left) throw TOO_LONG
    if (typeof value === 'string' || typeof value === 'boolean') return put(JSON.stringify(value))
    if (typeof value === 'bigint' || value instanceof ExactNumber) return put(String(value))
    if (typeof value === 'number') return Number.isFinite(value) ? put(JSON.stringify(value)) : refuse(String(value))
    if (typeof value !== 'object') return refuse(kindOf(value))
    if (isBytes(value) && value.byteLength > left) throw TOO_LONG
    if (isBytes(value)) return put(JSON.stringify({ $bytes: bytesOf(value).toString('base64') }))
    if (ArrayBuffer.isView(value)) return list(value)
    if (value instanceof Date && Number.isNaN(value.getTime())) return refuse('an invalid Date')
    if (!converted && typeof value.toJSON === 'function') return visit(value.toJSON(String(key ?? '')), key, true)
    if (open.has(value)) return refuse('an object that contains itself')
    if (path.length >= MAX_DEPTH) return refuse(`a value more than ${MAX_DEPTH} levels deep`)
    open.add(value)
    if (Array.isArray(value) || value instanceof Set) list(value)
    else if (value instanceof Map) object(value)
    else if (hasFields(value)) object(Object.keys(value).map((each) => [each, value[each]]))
    else refuse(kindOf(value))
    open.delete(value)
  }

  try {
    visit(root)
  } catch (error) {
    if (error === TOO_LONG) return null
    throw error
  }
  return parts.join('')
}

/** Whether the fields of an object are all that there is to it: not so for iterators, streams, promises, errors and the like. */
function hasFields(value) {
  const tag = Object.prototype.toString.call(value)
  if (tag !== '[object Object]' && tag !== '[object Module]' && tag !== '[object Arguments]') return false
  return typeof value.next !== 'function' && typeof value.then !== 'function' && !(Symbol.asyncIterator in value)
}

/** What a value is, in words: `a function`, `an AsyncGenerator`. */
function kindOf(value) {
  if (value === null) return 'null'
  const kind = typeof value === 'object' ? nameOf(value) : typeof value
  return `${/^[aeiou]/i.test(kind) ? 'an' : 'a'} ${kind}`
}

function nameOf(object) {
  const tag = Object.prototype.toString.call(object).slice(8, -1)
  return tag === 'Object' ? String(object.constructor?.name || tag) : tag
}

/** A key as it is written in a path. */
function step(key) {
  if (typeof key === 'number') return `[${key}]`
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key.slice(0, 100))}]`
}

/** A call's value as the parts of its result frame, behind the byte that says whether this process lives on. */
async function resultOf(value, limit, name = 'result') {
  if (value === undefined || value === null) return [JSON_RESULT, Buffer.from('null')]
  let answer = value
  if (typeof value === 'object') {
    if (Object.prototype.toString.call(value) === '[object Response]' && typeof value.arrayBuffer === 'function') {
      answer = new Answer(new Uint8Array(await value.arrayBuffer()), { status: value.status })
      answer.headers = [...value.headers]
    } else if (isBytes(value)) answer = new Answer(value)
  }
  if (answer instanceof Answer) {
    if (answer.body.length > limit) return [TOO_LARGE, Buffer.from(String(answer.body.length))]
    const head = Buffer.from(JSON.stringify({ status: answer.status, headers: answer.headers }))
    const size = Buffer.alloc(4)
    size.writeUInt32LE(head.length, 0)
    return [RESPONSE, size, head, answer.body]
  }
  const text = toJson(value, name, limit)
  if (text === null) return [TOO_LARGE, Buffer.alloc(0)]
  const body = Buffer.from(text)
  return body.length > limit ? [TOO_LARGE, Buffer.from(String(body.length))] : [JSON_RESULT, body]
}

const isError = (value) => typeof value === 'object' && value !== null && 'message' in value

/** The name of an error: its class's, where it has not been given one. */
function errorName(error) {
  const { name } = error
  const own = name === 'Error' ? error.constructor?.name : name
  return String(own || 'Error').slice(0, 200)
}

/** The errors that an AggregateError holds. */
function errorsIn(error) {
  return Array.isArray(error.errors) ? error.errors : []
}

/** What lies at the bottom of an error: its deepest cause, or the errors that it holds; null when there is nothing below it. */
function rootOf(error, depth = 0) {
  if (depth >= MAX_CAUSES || !isError(error)) return null
  const below = error.cause !== undefined && error.cause !== null ? [error.cause] : errorsIn(error).slice(0, MAX_CAUSES)
  const texts = below.map((each) => rootOf(each, depth + 1) ?? sentenceOf(each)).filter((text) => text !== '')
  return texts.length > 0 ? [...new Set(texts)].join('; ') : null
}

function sentenceOf(value) {
  if (!isError(value)) return thrownText(value)
  const name = errorName(value)
  const message = String(value.message)
  if (name === 'Error' || message === '') return message || (errorsIn(value).length > 0 ? '' : name)
  return `${name}: ${message}`
}

/** What was thrown and is not an error. */
function thrownText(value) {
  if (typeof value === 'string') return value
  if (typeof value === 'function') return 'a function was thrown'
  if (typeof value !== 'object' || value === null) return `${String(value)} was thrown`
  const text = inspect(value)
  return text === '{}' || text.startsWith('[object') ? `${kindOf(value)} was thrown` : text
}

/** The message with the deepest cause behind it, unless it says that itself. */
function messageOf(thrown) {
  if (!isError(thrown)) return thrownText(thrown)
  const message = String(thrown.message)
  const root = rootOf(thrown)
  if (root === null || message.includes(root)) return message
  return message === '' ? root : `${message}: ${root}`
}

function describe(thrown) {
  const described = {
    name: isError(thrown) ? errorName(thrown) : 'Error',
    message: messageOf(thrown).slice(0, MAX_ERROR_TEXT),
  }
  if (!isError(thrown)) return described
  const stack = stackOf(thrown)
  if (stack !== undefined) described.stack = stack.slice(0, MAX_STACK)
  if (typeof thrown.retry_after_seconds === 'number') described.retry_after_seconds = thrown.retry_after_seconds
  if (thrown.never_retry === true) described.never_retry = true
  return described
}

/** The stack with those of its causes below it, each `[cause]: …`; of a list of errors `[errors 0]: …`. */
function stackOf(error) {
  if (typeof error.stack !== 'string') return undefined
  const seen = new Set()
  const write = (each, label, indent) => {
    if (seen.size >= MAX_CAUSES || seen.has(each)) return []
    seen.add(each)
    const text = isError(each) ? cleanStack(String(each.stack ?? sentenceOf(each))) : thrownText(each)
    const lines = `${label}${text}`.split('\n').map((line) => indent + line)
    if (!isError(each)) return lines
    const below = `${indent}  `
    if (each.cause !== undefined && each.cause !== null) lines.push(...write(each.cause, '[cause]: ', below))
    for (const [i, inner] of errorsIn(each).entries()) lines.push(...write(inner, `[errors ${i}]: `, below))
    return lines
  }
  return write(error, '', '').join('\n')
}

/** Without our own frames, and with paths as the program's author knows them. */
function cleanStack(stack) {
  const lines = stack.slice(0, MAX_STACK).split('\n')
  return lines
    .filter((line) => !line.includes(import.meta.url) && !/^\s+at (.*\()?node:/.test(line))
    .join('\n')
    .replaceAll(homeUrl, '')
    .replaceAll(`${home}/`, '')
}

/** Ends a call with this result behind what its last moment still throws: that belongs to it as well. */
function conclude(call, parts) {
  call.parts = parts
  setImmediate(() => {
    if (live !== call) return
    finish(call, parts, hasWorkLeft(call) ? WORK_LEFT : REUSABLE)
    if (hasWorkLeft(call)) watch(call)
  })
}

const workLeft = () => process.getActiveResourcesInfo().filter((kind) => WORK.has(kind)).length
const hasWorkLeft = (call) => call.before !== undefined && workLeft() > call.before

/** Tells when what a call has left has ended. */
function watch(call) {
  clearInterval(watching)
  let times = 0
  watching = setInterval(() => {
    if (live === null && hasWorkLeft(call)) {
      // That it goes on says as well that it is no endless loop.
      if (++times === ALIVE_AFTER) send(QUIET, call.id, Buffer.from([2]))
      return
    }
    clearInterval(watching)
    if (live === null) send(QUIET, call.id, Buffer.from([0]))
  }, WATCH_MS).unref()
}

/** Ends the live call, if it is still this one. */
function finish(call, parts, state = REUSABLE) {
  if (live !== call) return
  for (const timer of call.timers) clearTimeout(timer)
  const [kind, ...rest] = parts
  send(RESULT, call.id, Buffer.from([kind, state]), ...rest)
  live = null
  last = call
  for (const { reject } of asked.values()) reject(new Error('The call has ended'))
  asked.clear()
}

function described(error) {
  try {
    return describe(error)
  } catch {
    return { name: 'Error', message: 'An error that cannot be shown was thrown' }
  }
}

const partsOf = (error) => [THREW, Buffer.from(JSON.stringify(described(error)))]

function threw(call, error, state = REUSABLE) {
  finish(call, partsOf(error), state)
}

/** A failure that comes behind the result: told in the log of its own call, and this process takes no further one. */
function failLate(call, sentence, stack) {
  log('log', LEVELS.indexOf('error'), `Failed after the result: ${sentence}${stack ? `\n${stack}` : ''}\n`, call)
  if (live === call) finish(call, call.parts, NOT_REUSABLE)
  else send(QUIET, call.id, Buffer.from([1]))
  leave()
}

/** Ends this process when its server has heard the last word: who leaves an answer unread breaks the connection, with what is still in it. */
function leave() {
  Atomics.wait(sleeping, 0, 0, 5_000)
  exitProcess(1)
}

process.exit = (code = process.exitCode ?? 0) => {
  const call = live ?? last
  if (!call) exitProcess(1)
  if (call.parts) failLate(call, `process.exit(${code}) was called`)
  if (call.script && Number(code) === 0) finish(call, [JSON_RESULT, Buffer.from('null')], 1)
  else threw(call, signal('ProcessExit', `process.exit(${code}) was called`, {}), 1)
  leave()
}
process.on('uncaughtException', (error) => {
  // What was thrown where nobody waits leaves this process in a state that nobody knows.
  const call = live ?? last
  if (!call) exitProcess(1)
  if (call.parts) {
    const { name, message, stack } = described(error)
    failLate(call, message === '' ? name : `${name}: ${message}`, stack)
  }
  threw(call, error, NOT_REUSABLE)
  leave()
})

function layFiles(files) {
  for (const { path: name, bytes } of files) {
    const target = path.join(home, name)
    if (name.includes('/')) fs.mkdirSync(path.dirname(target), { recursive: true })
    fs.writeFileSync(target, bytes)
  }
  // .js means ESM here, unless the program says otherwise.
  if (!files.some(({ path: name }) => name === 'package.json'))
    fs.writeFileSync(path.join(home, 'package.json'), '{"type":"module"}')
}

function init(body) {
  const length = body.readUInt32LE(0)
  const head = JSON.parse(body.subarray(4, 4 + length).toString())
  let at = 4 + length
  const files = head.files.map(([name, size]) => {
    at += size
    return { path: name, bytes: body.subarray(at - size, at) }
  })
  program = { entry: head.entry, env: Object.freeze(head.env) }
  for (const name of Object.keys(process.env)) delete process.env[name]
  Object.assign(process.env, head.env)
  layFiles(files)
}

const load = () => {
  loaded ??= import(homeUrl + program.entry.split('/').map(encodeURIComponent).join('/'))
  return loaded
}

/** CommonJS under `import` puts what it exports under `default`. */
function exported(module, name) {
  if (name in module) return module[name]
  return module.default?.[name]
}

async function run(call, { mode, input }) {
  const module = await load()
  if (mode === 'script') return module.default
  const handler = typeof module.default === 'function' ? module.default : module.default?.default
  if (typeof handler !== 'function')
    throw new TypeError(
      `${program.entry} has no handler: it must have "export default async (event, ctx) => …" or the like`,
    )
  if (mode === 'config') return exported(module, 'config')
  // What the module itself has set going goes on in every call.
  call.before = workLeft()
  return handler(withBytes(input.event), new Context(call, input.context))
}

function withBytes(event) {
  const encoded = event?.data?.body?.$bytes
  if (typeof encoded === 'string') event.data.body = Buffer.from(encoded, 'base64')
  return event
}

function begin(id, body) {
  const { mode, input, timeout_ms, limit } = parseExact(body.toString())
  const notice = Math.min(1_000, timeout_ms / 10)
  const call = {
    id,
    deadline: performance.now() + timeout_ms,
    notice,
    timers: [],
    script: mode === 'script',
  }
  live = call
  clearInterval(watching)
  if (call.script) return runScript(call, input, limit)
  run(call, { mode, input })
    .then((value) => resultOf(value, limit, mode === 'config' ? 'config' : 'result'))
    .then(
      (parts) => conclude(call, parts),
      (error) => conclude(call, partsOf(error)),
    )
}

/** A program of its own has ended when nothing is left for it to do. */
function runScript(call, input, limit) {
  const stdin = path.join(scratch, '.stdin')
  fs.writeFileSync(stdin, input.stdin ?? '')
  // The lowest free number is taken: descriptor 0 becomes this file.
  fs.closeSync(0)
  fs.openSync(stdin)
  let outcome
  run(call, { mode: 'script' })
    .then((value) => resultOf(value, limit))
    .then(
      (parts) => {
        outcome = parts
      },
      (error) => threw(call, error, 1),
    )
  process.on('beforeExit', () => {
    if (outcome) finish(call, outcome, 1)
    else threw(call, new Error('The program ended while its top-level await was waiting'), 1)
    leave()
  })
  channel.unref()
}

function receive(type, id, body) {
  if (type === CALL) begin(id, body)
  else if (type === REPLY) answered(body)
  else if (type === INIT) init(body)
}

/** What has come and is no whole frame yet, and how much of it makes one. */
let pieces = []
let have = 0
let need = HEADER
channel.on('data', (chunk) => {
  pieces.push(chunk)
  have += chunk.length
  if (have < need) return
  let data = pieces.length === 1 ? chunk : Buffer.concat(pieces)
  for (;;) {
    need = HEADER + (data.length < HEADER ? 0 : data.readUInt32LE(0))
    if (data.length < need) break
    const frame = data.subarray(0, need)
    data = data.subarray(need)
    receive(frame[4], frame.readUInt32LE(5), frame.subarray(HEADER))
  }
  pieces = data.length === 0 ? [] : [data]
  have = data.length
})
channel.on('error', () => exitProcess(1))
channel.on('end', () => exitProcess(0))

/** What a first call would wait for, loading and compiling, is done before there is one. */
async function warmUp() {
  program = { entry: 'warm.mjs', env: {} }
  layFiles([{ path: 'warm.mjs', bytes: Buffer.from('export default (event) => event') }])
  const call = { id: 0, deadline: 0, notice: 0, timers: [], script: false }
  await resultOf(await run(call, { mode: 'handler', input: { event: { data: null }, context: {} } }), 100)
  for (const name of ['warm.mjs', 'package.json']) fs.unlinkSync(path.join(home, name))
  loaded = undefined
}

await warmUp()
send(UP, 0, Buffer.from(process.versions.node))
