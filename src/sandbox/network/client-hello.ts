/** A TLS record has at most this much data. */
const MAX_RECORD_BYTES = 16_384 + 256
/** Maximum length of a ClientHello. Those with post-quantum keys have about 2,000 bytes. */
const MAX_HELLO_BYTES = 16_384
/** Maximum number of records that one ClientHello is divided into. */
const MAX_HELLO_RECORDS = 8
const RECORD = { CHANGE_CIPHER_SPEC: 20, HANDSHAKE: 22 } as const
const CLIENT_HELLO = 1
const EXTENSION = { SERVER_NAME: 0, EARLY_DATA: 42, ENCRYPTED_CLIENT_HELLO: 0xfe0d, ENCRYPTED_SNI: 0xffce } as const

/** A fatal TLS alert that refuses the server name, as a record. */
export const UNRECOGNIZED_NAME = Buffer.from([21, 3, 1, 0, 2, 2, 112])

/** The part of a client's data that may be forwarded, or a clause that says why the connection must end. */
export type Inspected = { forward: Buffer; isDone: boolean } | { problem: string }

/**
 * Inspects the start of a client's data, and compares the server name of its TLS handshake (SNI) with `host`. `host` is null for an address, which has
 * no server name. With `mustBeTls`, other protocols are refused; otherwise they are forwarded. The server can ask for a second ClientHello, which
 * is inspected as well. Feed each chunk to the returned function until it is done.
 */
export function createHelloInspector(host: string | null, mustBeTls: boolean): (chunk: Buffer) => Inspected {
  let pending: Buffer = Buffer.alloc(0)
  let isFirst = true

  return (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
    let at = 0
    /** End of the data that is inspected. Data of an incomplete ClientHello is not forwarded. */
    let checked = 0
    /** The incomplete ClientHello, without headers of records. Null between handshake messages. */
    let hello: Buffer | null = null
    let records = 0
    const result = (isDone: boolean): Inspected => {
      const forward = isDone ? pending : pending.subarray(0, checked)
      pending = pending.subarray(forward.length)
      return { forward, isDone }
    }
    for (;;) {
      const rest = pending.length - at
      if (rest === 0) return result(false)
      const type = pending[at]
      const isTls = type === RECORD.HANDSHAKE && (rest === 1 || pending[at + 1] === 3)
      if (isFirst && hello === null && !isTls) return mustBeTls ? { problem: 'did not start with TLS' } : result(true)
      // Encrypted data or an alert.
      if (type !== RECORD.HANDSHAKE && type !== RECORD.CHANGE_CIPHER_SPEC)
        return hello === null ? result(true) : { problem: 'has an interrupted TLS handshake' }
      if (rest < 5) return result(false)
      const length = pending.readUInt16BE(at + 3)
      if (length === 0 || length > MAX_RECORD_BYTES) return { problem: 'has a TLS record of a wrong length' }
      if (rest < 5 + length) return result(false)
      const body = pending.subarray(at + 5, at + 5 + length)
      at += 5 + length
      if (type === RECORD.HANDSHAKE) {
        // After the first ClientHello, anything but a second one means that the handshake continues, maybe encrypted.
        if (!isFirst && hello === null && !mayBeHello(body)) return result(true)
        if (++records > MAX_HELLO_RECORDS) return { problem: 'has a ClientHello in too many parts' }
        hello = hello === null ? body : Buffer.concat([hello, body])
        if (hello[0] !== CLIENT_HELLO) return { problem: 'did not start with a ClientHello' }
        if (hello.length < 4) continue
        const needed = 4 + hello.readUIntBE(1, 3)
        if (needed > MAX_HELLO_BYTES || hello.length > needed) return { problem: 'has a ClientHello of a wrong length' }
        if (hello.length < needed) continue
        const problem = problemOf(hello.subarray(4), host)
        if (problem !== null) return { problem }
        hello = null
        records = 0
        isFirst = false
      } else if (isFirst || hello !== null) return { problem: 'has an interrupted TLS handshake' }
      checked = at
    }
  }
}

/** Tells whether a handshake record can be the start of a ClientHello. Encrypted records look like one with a chance of 1 to 250,000. */
function mayBeHello(body: Buffer): boolean {
  return body[0] === CLIENT_HELLO && (body.length < 4 || body.readUIntBE(1, 3) <= MAX_HELLO_BYTES)
}

/** Returns what is wrong with a ClientHello (without its header) for this host, or null. */
function problemOf(body: Buffer, host: string | null): string | null {
  const names: string[] = []
  const seen = new Set<number>()
  try {
    // Version and random bytes, session id, cipher suites, compression methods.
    let at = 34
    at += 1 + body.readUInt8(at)
    at += 2 + body.readUInt16BE(at)
    at += 1 + body.readUInt8(at)
    const end = at === body.length ? at : at + 2 + body.readUInt16BE(at)
    if (end !== body.length) return 'has a ClientHello that is not valid'
    for (at += 2; at < end; ) {
      const type = body.readUInt16BE(at)
      const length = body.readUInt16BE(at + 2)
      const data = body.subarray(at + 4, at + 4 + length)
      if (data.length !== length || seen.has(type)) return 'has a ClientHello that is not valid'
      seen.add(type)
      at += 4 + length
      if (type === EXTENSION.SERVER_NAME) names.push(...namesIn(data))
    }
  } catch (error) {
    // The buffer ends within a field.
    if (!(error instanceof RangeError)) throw error
    return 'has a ClientHello that is not valid'
  }
  if (seen.has(EXTENSION.ENCRYPTED_CLIENT_HELLO) || seen.has(EXTENSION.ENCRYPTED_SNI))
    return 'hides its server name (Encrypted ClientHello)'
  if (seen.has(EXTENSION.EARLY_DATA)) return 'sends data before the TLS handshake (early data)'
  if (host === null) return names.length === 0 ? null : 'names a server in its TLS handshake, but goes to an address'
  const [name] = names
  if (name === undefined) return 'names no server in its TLS handshake (SNI)'
  if (names.length > 1 || name.toLowerCase().replace(/\.$/, '') !== host)
    return `names another server in its TLS handshake (${name.replace(/[^!-~]/g, '?').slice(0, 253)})`
  return null
}

/** Returns the names in a server_name extension. Throws RangeError if it is not valid. */
function namesIn(data: Buffer): string[] {
  if (data.readUInt16BE(0) !== data.length - 2) throw new RangeError('wrong length')
  const names: string[] = []
  for (let at = 2; at < data.length; ) {
    const length = data.readUInt16BE(at + 1)
    const name = data.subarray(at + 3, at + 3 + length)
    if (data[at] !== 0 || name.length !== length) throw new RangeError('wrong name')
    names.push(name.toString('latin1'))
    at += 3 + length
  }
  return names
}
