// Common code that programs start with.

/** Defines `frame`, `sendFrames` (in one write), `json` for a valid result, and the types of frames. */
export const NODE_FRAMES = `
import fs from 'node:fs'
const [UP, RESULT, LOG, ASK] = [16, 17, 18, 19]
const frame = (type, call, ...body) => {
  const bytes = Buffer.concat(body.map((part) => (typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part))))
  const head = Buffer.alloc(9)
  head.writeUInt32LE(bytes.length, 0)
  head[4] = type
  head.writeUInt32LE(call, 5)
  return Buffer.concat([head, bytes])
}
const sendFrames = (...frames) => {
  const bytes = Buffer.concat(frames)
  for (let at = 0; at < bytes.length; ) {
    try { at += fs.writeSync(3, bytes, at) } catch (error) { if (error.code !== 'EAGAIN') throw error }
  }
}
const json = (call, value) => frame(RESULT, call, 0, 0, JSON.stringify(value))
const ask = (call, question, name, body) =>
  frame(ASK, call, question, 0, 0, 0, name.length, name, JSON.stringify(body))
const sleep = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
const environment = JSON.parse(process.env.WORLD)
const hang = () => { for (;;) sleep(1000) }
`
export const PYTHON_FRAMES = `
import json as _json, os, struct, time
UP, RESULT, LOG, ASK = 16, 17, 18, 19
def frame(type, call, *body):
    data = b''.join(bytes([part]) if isinstance(part, int) else part.encode() if isinstance(part, str) else part for part in body)
    return struct.pack('<IBI', len(data), type, call) + data
def sendFrames(*frames):
    data = b''.join(frames)
    while data:
        data = data[os.write(3, data):]
def json(call, value):
    return frame(RESULT, call, 0, 0, _json.dumps(value))
def ask(call, question, name, body):
    return frame(ASK, call, question, 0, 0, 0, len(name), name, _json.dumps(body))
def sleep(ms):
    time.sleep(ms / 1000)
def hang():
    while True: time.sleep(1)
`

export const NODE_WORLD = `
const environment = JSON.parse(process.env.WORLD)
const tried = (what) => { try { return what() } catch (error) { return String(error.code ?? error) } }
const ready = () => { console.log('ready'); setInterval(() => {}, 1000) }
`

/** Defines `syscall(number, …)`, whose result is negative for an error, `tried`, and `ready`, which waits for the checks of the suite. */
export const PYTHON_WORLD = `
import ctypes, json, os, sys, time
environment = json.loads(os.environ['WORLD'])
_libc = ctypes.CDLL(None, use_errno=True)
def syscall(number, *arguments):
    result = _libc.syscall(ctypes.c_long(number), *[ctypes.c_long(each) if isinstance(each, int) else each for each in arguments])
    return result if result != -1 else -ctypes.get_errno()
def tried(what):
    try:
        return what()
    except BaseException as error:
        return repr(error)
def ready():
    print('ready', flush=True)
    time.sleep(20)
`
