// Runs inside the sandbox, one process per program. Writes the program's files to the working directory, then serves calls sequentially on
// descriptor 3 (frames of ../frames.ts). The supervisor trusts no output of this process, so user code that manipulates it harms only itself.
import { Buffer } from 'node:buffer'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { Writable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { explainNoNetwork, useProxy } from './network.mjs'

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
/** State of this process in a RESULT frame. */
const [REUSABLE, NOT_REUSABLE, WORK_LEFT] = [0, 1, 2]
/** Kinds of background work, as `process.getActiveResourcesInfo` names them. */
const WORK = new Set(['Timeout', 'Immediate', 'FSReqCallback', 'FSReqPromise', 'ProcessWrap', 'Worker', 'MessagePort'])
const WATCH_MS = 5
const ALIVE_AFTER = 4
/** Maximum number of concurrent requests to the host; more wait in this process. */
const MAX_REQUESTS = 16
const MAX_ERROR_TEXT = 4_000
const MAX_STACK = 12_000
/** Maximum number of errors that are shown of a chain of causes. */
const MAX_CAUSES = 10
/** The server rejects deeper JSON. */
const MAX_DEPTH = 500
/** Maximum size of one write that is sent. The server stores less of a stream. */
const MAX_WRITE_BYTES = 2 * LOG_PIECE
/** Maximum size of one piece of a streamed body, and of one streamed item as JSON. */
const MAX_PIECE_BYTES = 256 * 1024
const MAX_ITEM_BYTES = 1024 * 1024

const home = process.cwd()
const scratch = process.env.HOME
const homeUrl = `${pathToFileURL(home).href}/`
const exitProcess = process.reallyExit.bind(process)
const channel = new net.Socket({ fd: 3, readable: true, writable: true })

const sleeping = new Int32Array(new SharedArrayBuffer(4))

let program
let loaded
/** The running call and the previous one. */
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
  // Written synchronously: output of a loop must not fill the memory of this process, and must be sent completely before the process exits.
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

/** Cuts a huge write, which would otherwise end the call, and adds a note. */
function cutWrite(stream, bytes) {
  // The server itself cuts stdout and stderr with a note, but not the single message of `ctx.log`.
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

class HttpResponse {
  constructor(body, { status = 200, headers = {} } = {}) {
    this.status = status
    this.headers = Object.entries(headers).flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map((each) => [name.toLowerCase(), String(each)]),
    )
    let type
    this.items = itemsOf(body)
    if (body === undefined || body === null || this.items) this.body = Buffer.alloc(0)
    else if (isBytes(body)) [this.body, type] = [bytesOf(body), 'application/octet-stream']
    else if (typeof body === 'string') [this.body, type] = [Buffer.from(body), 'text/plain; charset=utf-8']
    else [this.body, type] = [Buffer.from(toJson(body, 'body')), 'application/json']
    if (type && !this.headers.some(([name]) => name === 'content-type')) this.headers.push(['content-type', type])
  }
}

/** Creates an error that controls the run; `fields` say how. */
function controlError(name, message, fields) {
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
  /** Returns the seconds until the call times out. */
  timeLeft() {
    return Math.max(0, (this.#call.deadline - performance.now()) / 1000)
  }
  /** An AbortSignal that is aborted shortly before the call times out, or when the client that reads a streamed result has left. */
  get signal() {
    if (!this.#controller) {
      this.#controller = new AbortController()
      this.#call.abort = (reason) => this.#controller.abort(reason)
      if (this.#call.left) this.#controller.abort(this.#call.left)
      const left = this.#call.deadline - performance.now() - this.#call.notice
      const timer = setTimeout(() => {
        this.#controller.abort(new DOMException('The call is about to time out', 'TimeoutError'))
      }, left)
      timer.unref()
      this.#call.timers.push(timer)
    }
    return this.#controller.signal
  }
  /** Returns the row of the event as it is now. Null if the row is deleted or the event has no row. */
  async row() {
    return (await ask(this.#call, 'row', {})).row
  }
  /** Returns the row before the event updated, replaced or deleted it. Null for other events. */
  async previous() {
    return (await ask(this.#call, 'previous', {})).row
  }
  /** Executes `work` once per key over all attempts of a run. Returns the stored result if an earlier attempt has executed it. */
  async once(key, work) {
    const known = await ask(this.#call, 'once.get', { key })
    if (known.done) return known.value
    const value = (await work()) ?? null
    await ask(this.#call, 'once.put', { key, value })
    return value
  }
  /** Reports progress to the client that waits for the call. `progress` must increase. */
  async progress(progress, total, message) {
    await ask(this.#call, 'progress', { progress, total, message })
  }
  response(body, options) {
    return new HttpResponse(body, options)
  }
  retryLater(seconds, message = 'The function requested a later retry') {
    throw controlError('RetryLater', message, { retry_after_seconds: seconds })
  }
  neverRetry(message = 'The function requested not to be retried') {
    throw controlError('NeverRetry', message, { never_retry: true })
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

/** Returns `zerodb`, whose `zerodb.noun.verb(input)` calls the operation `noun.verb` of the host. */
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

let lastRequestId = 0
let requests = 0
const pending = new Map()
const waitingForSlot = []

/** Sends a request to the host. Errors of the host are thrown with their `code` and `status`. */
async function ask(call, name, body) {
  const bytes = Buffer.from(toJson(body, ''))
  if (requests >= MAX_REQUESTS) await new Promise((resolve) => waitingForSlot.push(resolve))
  if (live !== call) throw new Error(`The call has ended: it can no longer use ${name}`)
  requests++
  channel.ref()
  const id = ++lastRequestId
  const head = Buffer.alloc(5)
  head.writeUInt32LE(id, 0)
  head[4] = Buffer.byteLength(name)
  try {
    return await new Promise((resolve, reject) => {
      pending.set(id, { resolve, reject })
      send(ASK, call.id, head, Buffer.from(name), bytes)
    })
  } finally {
    requests--
    waitingForSlot.shift()?.()
    if (call.script && requests === 0) channel.unref()
  }
}

/** A non-integer with more digits than a JavaScript number has (integers become BigInt). Computes as the nearest JavaScript number. */
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

/** Returns the replacement of a number in JSON.stringify, which writes its digits without quotation marks. */
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

/** Matches strings, to skip them, and numbers that may have more digits than a JavaScript number. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.]{15,}(?:[eE][+-]?\d+)?|-?\d[\d.]*[eE][+-]?\d{3,}/g
const SUSPECT = /\d[\d.]{15}|\d[eE][+-]?\d{3}/
const isExact = (token) => token[0] === '"' || String(Number(token)) === token

/** Parses JSON of the host, which formats numbers like JSON.stringify if a JavaScript number can represent them. */
function parseExact(text, reviver) {
  if (!SUSPECT.test(text)) return JSON.parse(text, reviver)
  const numbers = (text.match(TOKEN) ?? []).filter((token) => token[0] !== '"')
  const list = `[${numbers.join(',')}]`
  // Checking all numbers as one list is twice as fast as checking each.
  if (JSON.stringify(JSON.parse(list)) === list) return JSON.parse(text, reviver)
  const marked = text.replace(TOKEN, (token) => (isExact(token) ? token : `"${MARK}${token}"`))
  return JSON.parse(marked, function revive(key, value) {
    if (typeof value !== 'string' || !value.startsWith(MARK)) return reviver ? reviver.call(this, key, value) : value
    const number = value.slice(MARK.length)
    return /^-?\d+$/.test(number) ? BigInt(number) : new ExactNumber(number)
  })
}

function receiveReply(body) {
  const waiting = pending.get(body.readUInt32LE(0))
  pending.delete(body.readUInt32LE(0))
  const text = body.subarray(5).toString()
  // Bytes are encoded as {"$bytes": base64}.
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
 * Encodes a value as JSON, by the table in docs/functions.md. Returns null if the JSON is longer than `limit`. Throws for a value without a JSON form,
 * with its path from `root`.
 */
function toJson(value, root, limit = Number.POSITIVE_INFINITY) {
  return isPlain(value, limit) ? (JSON.stringify(value) ?? 'null') : encode(value, root, limit)
}

/**
 * Tells whether JSON.stringify can encode the value: its result follows the table and is not longer than `limit`. Decided without calling methods
 * or getters of the value.
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
    // A proxy has thrown: the encoder reports the error.
    return false
  }
}

/** Maximum number of steps that are shown of a path. */
const MAX_STEPS = 20

/** Thrown by the encoder if the JSON exceeds the limit. */
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
  function fail(problem) {
    const steps = path.map(step)
    if (steps.length > MAX_STEPS) steps.splice(MAX_STEPS / 2, steps.length - MAX_STEPS, '…')
    const place = `${name}${steps.join('')}`.replace(/^\./, '')
    throw new TypeError(`${place === '' ? 'input' : place}: ${problem} has no JSON form`)
  }
  function visitMember(key, value) {
    path.push(key)
    visit(value, key)
    path.pop()
  }
  function list(items) {
    put('[')
    let at = 0
    for (const item of items) {
      if (at > 0) put(',')
      visitMember(at++, item)
    }
    put(']')
  }
  function object(entries) {
    put('{')
    const keys = new Set()
    for (const [key, value] of entries) {
      if (value === undefined) continue
      if (typeof key !== 'string' && !Number.isFinite(key) && typeof key !== 'bigint')
        fail(`a Map with a key that is ${kindOf(key)}`)
      const text = String(key)
      if (keys.has(text)) fail(`a Map with two keys "${text.slice(0, 100)}"`)
      if (keys.size > 0) put(',')
      keys.add(text)
      put(`${JSON.stringify(text)}:`)
      visitMember(text, value)
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
    if (typeof value === 'number') return Number.isFinite(value) ? put(JSON.stringify(value)) : fail(String(value))
    if (typeof value !== 'object') return fail(kindOf(value))
    if (isBytes(value) && value.byteLength > left) throw TOO_LONG
    if (isBytes(value)) return put(JSON.stringify({ $bytes: bytesOf(value).toString('base64') }))
    if (ArrayBuffer.isView(value)) return list(value)
    if (value instanceof Date && Number.isNaN(value.getTime())) return fail('an invalid Date')
    if (!converted && typeof value.toJSON === 'function') return visit(value.toJSON(String(key ?? '')), key, true)
    if (open.has(value)) return fail('an object that contains itself')
    if (path.length >= MAX_DEPTH) return fail(`a value more than ${MAX_DEPTH} levels deep`)
    open.add(value)
    if (Array.isArray(value) || value instanceof Set) list(value)
    else if (value instanceof Map) object(value)
    else if (hasFields(value)) object(Object.keys(value).map((each) => [each, value[each]]))
    else fail(kindOf(value))
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

/** Tells whether an object consists only of its fields, unlike iterators, streams, promises and errors. */
function hasFields(value) {
  const tag = Object.prototype.toString.call(value)
  if (tag !== '[object Object]' && tag !== '[object Module]' && tag !== '[object Arguments]') return false
  return typeof value.next !== 'function' && typeof value.then !== 'function' && !(Symbol.asyncIterator in value)
}

/** Describes the kind of a value: `a function`, `an AsyncGenerator`. */
function kindOf(value) {
  if (value === null) return 'null'
  const kind = typeof value === 'object' ? nameOf(value) : typeof value
  return `${/^[aeiou]/i.test(kind) ? 'an' : 'a'} ${kind}`
}

function nameOf(object) {
  const tag = Object.prototype.toString.call(object).slice(8, -1)
  return tag === 'Object' ? String(object.constructor?.name || tag) : tag
}

/** Formats a key as a step of a path. */
function step(key) {
  if (typeof key === 'number') return `[${key}]`
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key.slice(0, 100))}]`
}

/** Returns the parts of a RESULT frame for a returned value, without the byte for the state of the process. */
async function resultOf(value, limit, name = 'result') {
  if (value === undefined || value === null) return [JSON_RESULT, Buffer.from('null')]
  let answer = value
  if (typeof value === 'object') {
    if (Object.prototype.toString.call(value) === '[object Response]' && typeof value.arrayBuffer === 'function') {
      answer = new HttpResponse(new Uint8Array(await value.arrayBuffer()), { status: value.status })
      answer.headers = [...value.headers]
    } else if (isBytes(value)) answer = new HttpResponse(value)
  }
  if (answer instanceof HttpResponse) {
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

/** Returns the iterator of a generator, another iterator or a stream; undefined for other values, such as lists. */
function itemsOf(value) {
  if (typeof value !== 'object' || value === null || isBytes(value)) return undefined
  if (typeof value[Symbol.asyncIterator] === 'function') return value[Symbol.asyncIterator]()
  return typeof value.next === 'function' && typeof value[Symbol.iterator] === 'function' ? value : undefined
}

/** Returns the parts of a RESULT frame for the value of a handler, which can be streamed. */
function answerOf(call, value, limit) {
  if (value instanceof HttpResponse && value.items) return streamed(call, value, value.items, limit)
  if (Object.prototype.toString.call(value) === '[object Response]' && value.body) {
    const head = { status: value.status, headers: [...value.headers] }
    return streamed(call, head, value.body[Symbol.asyncIterator](), limit)
  }
  const items = itemsOf(value)
  return items ? streamed(call, null, items, limit) : resultOf(value, limit)
}

/**
 * Sends items as they are produced, if the client of the call reads a stream; otherwise collects them. `head` is that of an HTTP response, whose
 * items are strings and bytes, and which is streamed if its body is not there at once; null for items of any kind.
 */
async function streamed(call, head, items, limit) {
  const stream = new Stream(call, head, limit)
  try {
    if (!head) await stream.start()
    for (;;) {
      const next = Promise.resolve(items.next())
      if (stream.mode === 'undecided' && (await isPending(next))) await stream.start()
      const { done, value } = await next
      if (done) return await stream.result()
      await stream.add(value)
    }
  } catch (error) {
    if (error === TOO_LONG) return [TOO_LARGE, Buffer.from(String(stream.size))]
    throw error
  } finally {
    // Also after an error: the producer must release what it holds, for which it can use `ctx`.
    await Promise.resolve(items.return?.()).catch(() => {})
  }
}

/** Tells whether a promise is still pending when the promises that are settled now have been handled. */
async function isPending(promise) {
  const turn = new Promise((resolve) => setImmediate(resolve, PENDING))
  return (await Promise.race([promise.catch(() => {}), turn])) === PENDING
}
const PENDING = Symbol('pending')

/** The items of a streamed result. */
class Stream {
  #call
  #head
  #limit
  #count = 0
  #sent = 0
  #items = []
  mode = 'undecided'
  /** Size of the collected items. */
  size = 0
  constructor(call, head, limit) {
    this.#call = call
    this.#head = head
    this.#limit = limit
  }
  /** Starts to send the items, unless the client reads no stream. A client that needs the result as a whole, too, has them sent and collected. */
  async start() {
    const call = this.#call
    const head = this.#head
    const about = head ? { kind: 'response', status: head.status, headers: head.headers } : { kind: 'items' }
    const { accepted, collected } = await ask(call, 'stream.start', about)
    this.mode = !accepted ? 'collected' : collected ? 'both' : 'sent'
    if (!accepted) return
    const left = () => {
      call.left = new DOMException('The client has left', 'AbortError')
      call.abort?.(call.left)
    }
    // Rejected when the call ends.
    ask(call, 'stream.left', {}).then(left, () => {})
    for (const item of collected ? [...this.#items] : this.#items.splice(0)) await this.#send(item)
  }
  /** Adds an item. Resolves when the client has room for more. Throws TOO_LONG if the collected items exceed the limit. */
  async add(item) {
    this.#count++
    if (this.mode === 'sent') return this.#send(item)
    this.#items.push(item)
    this.size += isBytes(item) ? item.byteLength : sizeOf(item, `result[${this.#count - 1}]`, this.#limit)
    if (this.size > this.#limit) {
      if (this.mode === 'undecided') await this.start()
      if (this.mode !== 'sent') throw TOO_LONG
    } else if (this.mode === 'both') await this.#send(item)
  }
  async #send(item) {
    const call = this.#call
    if (this.#head || isBytes(item)) {
      const bytes = bytesIn(item)
      this.#sent += bytes.length
      for (let at = 0; at < bytes.length; at += MAX_PIECE_BYTES)
        await ask(call, 'stream.write', { bytes: bytes.subarray(at, at + MAX_PIECE_BYTES).toString('base64') })
      return
    }
    const size = sizeOf(item, 'result', MAX_ITEM_BYTES)
    if (size > MAX_ITEM_BYTES)
      throw new RangeError(`result: an item of a stream can have at most ${MAX_ITEM_BYTES} bytes`)
    this.#sent += typeof item === 'string' ? Buffer.byteLength(item) : size
    await ask(call, 'stream.write', typeof item === 'string' ? { text: item } : { json: item })
  }
  /** Returns the parts of a RESULT frame. */
  result() {
    if (this.mode === 'sent')
      return [JSON_RESULT, Buffer.from(JSON.stringify({ streamed: { items: this.#count, bytes: this.#sent } }))]
    const isBody = this.#head || (this.#items.length > 0 && this.#items.every(isBytes))
    if (!isBody) return resultOf(this.#items, this.#limit)
    const response = new HttpResponse(Buffer.concat(this.#items.map(bytesIn)))
    if (this.#head) Object.assign(response, { status: this.#head.status, headers: this.#head.headers })
    return resultOf(response, this.#limit)
  }
}

/** Returns the bytes of an item of a body. */
function bytesIn(item) {
  if (typeof item === 'string') return Buffer.from(item)
  if (isBytes(item)) return bytesOf(item)
  throw new TypeError(`result: the body of a response consists of strings and bytes, not of ${kindOf(item)}`)
}

/** Returns the size of an item as JSON, or more than `limit`. */
function sizeOf(item, name, limit) {
  const json = toJson(item, name, limit)
  return json === null ? limit + 1 : Buffer.byteLength(json)
}

const isError = (value) => typeof value === 'object' && value !== null && 'message' in value

/** Returns the name of an error, or the name of its class if it has none. */
function errorName(error) {
  const { name } = error
  const own = name === 'Error' ? error.constructor?.name : name
  return String(own || 'Error').slice(0, 200)
}

/** Returns the errors in an AggregateError. */
function errorsIn(error) {
  return Array.isArray(error.errors) ? error.errors : []
}

/** Describes the deepest cause of an error, or the errors in it. Returns null if there are none. */
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

/** Describes a thrown value that is not an error. */
function thrownText(value) {
  if (typeof value === 'string') return value
  if (typeof value === 'function') return 'a function was thrown'
  if (typeof value !== 'object' || value === null) return `${String(value)} was thrown`
  const text = inspect(value)
  return text === '{}' || text.startsWith('[object') ? `${kindOf(value)} was thrown` : text
}

/** Returns the message, followed by the deepest cause unless the message includes it. */
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

/** Returns the stack with the stacks of its causes below it, labelled `[cause]: …`, or `[errors 0]: …` for a list of errors. */
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

/** Removes the frames of this runner, and makes paths relative to the program. */
function cleanStack(stack) {
  const lines = stack.slice(0, MAX_STACK).split('\n')
  return lines
    .filter((line) => !line.includes(import.meta.url) && !/^\s+at (.*\()?node:/.test(line))
    .join('\n')
    .replaceAll(homeUrl, '')
    .replaceAll(`${home}/`, '')
}

/** Ends a call with this result after the current event loop turn, so that errors thrown in that turn belong to the call. */
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

/** Notifies the supervisor when the background work of a call has ended. */
function watch(call) {
  clearInterval(watching)
  let times = 0
  watching = setInterval(() => {
    if (live === null && hasWorkLeft(call)) {
      // Tells that the work continues and that the process responds, so it is not in an endless loop.
      if (++times === ALIVE_AFTER) send(QUIET, call.id, Buffer.from([2]))
      return
    }
    clearInterval(watching)
    if (live === null) send(QUIET, call.id, Buffer.from([0]))
  }, WATCH_MS).unref()
}

/** Ends the call if it is still running. */
function finish(call, parts, state = REUSABLE) {
  if (live !== call) return
  for (const timer of call.timers) clearTimeout(timer)
  const [kind, ...rest] = parts
  send(RESULT, call.id, Buffer.from([kind, state]), ...rest)
  live = null
  last = call
  for (const { reject } of pending.values()) reject(new Error('The call has ended'))
  pending.clear()
}

function described(error) {
  try {
    return describe(error)
  } catch {
    return { name: 'Error', message: 'An error was thrown that cannot be described' }
  }
}

const partsOf = (error) => [THREW, Buffer.from(JSON.stringify(described(error)))]

function threw(call, error, state = REUSABLE) {
  finish(call, partsOf(error), state)
}

/** Reports a failure after the result in the log of its call, and ends this process. */
function failLate(call, sentence, stack) {
  log('log', LEVELS.indexOf('error'), `Failed after the result: ${sentence}${stack ? `\n${stack}` : ''}\n`, call)
  if (live === call) finish(call, call.parts, NOT_REUSABLE)
  else send(QUIET, call.id, Buffer.from([1]))
  leave()
}

/** Exits after the server has read the last frame: exiting with unread replies would reset the connection and lose frames in it. */
function leave() {
  Atomics.wait(sleeping, 0, 0, 5_000)
  exitProcess(1)
}

process.exit = (code = process.exitCode ?? 0) => {
  const call = live ?? last
  if (!call) exitProcess(1)
  if (call.parts) failLate(call, `process.exit(${code}) was called`)
  if (call.script && Number(code) === 0) finish(call, [JSON_RESULT, Buffer.from('null')], 1)
  else threw(call, controlError('ProcessExit', `process.exit(${code}) was called`, {}), 1)
  leave()
}
process.on('uncaughtException', (error) => {
  // An uncaught exception leaves this process in an unknown state.
  const call = live ?? last
  if (!call) exitProcess(1)
  if (call.parts) {
    const { name, message, stack } = described(error)
    failLate(call, message === '' ? name : `${name}: ${message}`, stack)
  }
  threw(call, error, NOT_REUSABLE)
  leave()
})

function writeFiles(files) {
  for (const { path: name, bytes } of files) {
    const target = path.join(home, name)
    if (name.includes('/')) fs.mkdirSync(path.dirname(target), { recursive: true })
    fs.writeFileSync(target, bytes)
  }
  // .js files are ESM unless the program has its own package.json.
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
  if (head.network) useProxy(head.network)
  else explainNoNetwork()
  writeFiles(files)
}

const load = () => {
  loaded ??= import(homeUrl + program.entry.split('/').map(encodeURIComponent).join('/'))
  return loaded
}

/** Returns an export. `import` of a CommonJS module puts its exports under `default`. */
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
      `${program.entry} has no handler: export a function as default, such as "export default async (event, ctx) => …"`,
    )
  if (mode === 'config') return exported(module, 'config')
  // Background work of the module itself, which continues in every call, is not counted.
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
    .then((value) => (mode === 'config' ? resultOf(value, limit, 'config') : answerOf(call, value, limit)))
    .then(
      (parts) => conclude(call, parts),
      (error) => conclude(call, partsOf(error)),
    )
}

/** Runs a stand-alone program, which ends when its event loop is empty. */
function runScript(call, input, limit) {
  const stdin = path.join(scratch, '.stdin')
  fs.writeFileSync(stdin, input.stdin ?? '')
  // open uses the lowest free number, so descriptor 0 becomes this file.
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
  else if (type === REPLY) receiveReply(body)
  else if (type === INIT) init(body)
}

/** Received data of an incomplete frame, its length, and the length of the complete frame. */
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

/** Loads and compiles everything that the first call needs. */
async function warmUp() {
  program = { entry: 'warm.mjs', env: {} }
  writeFiles([{ path: 'warm.mjs', bytes: Buffer.from('export default (event) => event') }])
  const call = { id: 0, deadline: 0, notice: 0, timers: [], script: false }
  await resultOf(await run(call, { mode: 'handler', input: { event: { data: null }, context: {} } }), 100)
  for (const name of ['warm.mjs', 'package.json']) fs.unlinkSync(path.join(home, name))
  loaded = undefined
}

await warmUp()
send(UP, 0, Buffer.from(process.versions.node))
