// Connects programs to the proxy of their sandbox, which is the only way out. All of Node's clients (fetch, http, https, tls, and packages on top of
// them) open their connections by `net.Socket.prototype.connect` or `tls.connect`, which are replaced here.
import fs from 'node:fs'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import net from 'node:net'

const HEAD_END = '\r\n\r\n'
const MAX_HEAD = 16_384

const { connect: connectDirectly } = net.Socket.prototype

/** Sockets that wait for the answer of the proxy. */
const opening = new WeakSet()

/** Makes the failure of a connection say that the program has no network. */
export function explainNoNetwork() {
  net.Socket.prototype.connect = function connect(...args) {
    const target = targetOf(args)
    if (target === null || isLocal(target.host)) return connectDirectly.apply(this, args)
    if (target.done) this.once('connect', target.done)
    const { host, port } = target
    const pattern = port === 443 || port === 80 ? host : authorityOf(host, port)
    const message = `this function has no network: add network: ['${pattern}'] to its config`
    const error = Object.assign(new Error(message), { code: 'ENETUNREACH', syscall: 'connect', host, port })
    // The caller still attaches its listeners and, for TLS, sets up the connection.
    this.connecting = true
    process.nextTick(() => this.destroy(error))
    return this
  }
}

/** Sends all connections through the proxy, whose socket is at `proxy`. `allow` lists the hosts of the program's policy. */
export function useProxy({ proxy, allow, authority, forwards }) {
  const isProxied = ({ host }) =>
    !isLocal(host) || allow.some((pattern) => pattern === host || pattern.startsWith(`${authorityOf(host, '')}`))

  net.Socket.prototype.connect = function connect(...args) {
    const target = targetOf(args)
    if (target === null || !isProxied(target)) return connectDirectly.apply(this, args)
    if (target.done) this.once('connect', target.done)
    return connectThrough(proxy, this, target)
  }
  replaceTlsConnect(isProxied, authority ? fs.readFileSync(authority, 'utf8') : null)
  // For processes that the program starts.
  if (authority) process.env.NODE_EXTRA_CA_CERTS ??= authority
  replaceLookup(isProxied)
  // Named imports see the replaced functions as well.
  syncBuiltinESMExports()
  for (const each of forwards) forward(each)
}

/** Listens for clients that do not use the replaced functions, such as other processes: the name of the host has this address for them. */
function forward({ host, port, address }) {
  names.set(address, host)
  substitutes.set(host, address)
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    const tunnel = net.connect({ host, port, allowHalfOpen: true })
    client.on('error', () => tunnel.destroy())
    tunnel.on('error', () => client.destroy())
    client.pipe(tunnel).pipe(client)
  })
  server.on('error', (error) => process.emitWarning(`${host}:${port} cannot be forwarded: ${error.message}`))
  server.listen(port, address).unref()
}

/** Opens a connection to the proxy, and asks it to connect to the host. The socket counts as connected when the proxy has agreed. */
function connectThrough(proxy, socket, { host, port }) {
  let hasAsked = false
  let head = ''
  const { emit, push } = socket
  opening.add(socket)

  function restore() {
    opening.delete(socket)
    delete socket.emit
    delete socket.push
  }
  function fail(message) {
    restore()
    socket.destroy(Object.assign(new Error(message), { code: 'ECONNREFUSED', syscall: 'connect', host, port }))
  }
  function ask() {
    hasAsked = true
    const authority = authorityOf(host, port)
    socket._writeGeneric(false, `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}${HEAD_END}`, 'latin1', (error) => {
      if (error) fail(`the proxy of this sandbox cannot be reached: ${error.message}`)
    })
    // Until the proxy agrees, writes of the program wait, as they do before any connection.
    socket.connecting = true
    socket._handle.reading = true
    socket._handle.readStart()
  }
  function receive(chunk) {
    if (chunk === null) return fail(`the proxy of this sandbox has closed the connection to ${authorityOf(host, port)}`)
    head += chunk.toString('latin1')
    const end = head.indexOf(HEAD_END)
    if (end < 0) return head.length > MAX_HEAD && fail('the answer of the proxy is too long')
    const [line] = head.split('\r\n', 1)
    if (!line.startsWith('HTTP/1.1 200 ')) return fail(line.replace(/^HTTP\/1\.1 \d+ /, ''))
    restore()
    const rest = Buffer.from(head.slice(end + HEAD_END.length), 'latin1')
    socket.connecting = false
    socket.emit('connect')
    socket.emit('ready')
    if (rest.length > 0) socket.push(rest)
  }

  socket.emit = function (event, ...rest) {
    if (event === 'connect' && !hasAsked) {
      ask()
      return true
    }
    if (event === 'ready' && this.connecting) return true
    if (event === 'close') restore()
    return emit.call(this, event, ...rest)
  }
  socket.push = function (chunk, ...rest) {
    if (!opening.has(this)) return push.call(this, chunk, ...rest)
    receive(chunk)
    return true
  }
  return connectDirectly.call(socket, { path: proxy })
}

/** Replaces `tls.connect`. `authority` is the certificate of the proxy, which clients must trust, or null. */
function replaceTlsConnect(isProxied, authority) {
  const require = createRequire(import.meta.url)
  const tls = require('node:tls')
  const { Duplex } = require('node:stream')
  const { connect: connectTls } = tls

  /** Adds the authority of the proxy to those that the client trusts. */
  function trusting(options) {
    if (authority === null) return options
    const secureContext = options.secureContext ?? tls.createSecureContext(options)
    secureContext.context.addCACert(authority)
    return { ...options, secureContext }
  }

  /** A stream over a socket whose connection is still being opened. TLS would otherwise take the answer of the proxy as its own data. */
  class Delayed extends Duplex {
    #socket
    constructor(socket) {
      super({ allowHalfOpen: true })
      this.#socket = socket
      socket.on('data', (chunk) => this.push(chunk) || socket.pause())
      socket.on('end', () => this.push(null))
      socket.on('error', (error) => this.destroy(error))
      socket.on('close', () => this.destroy())
    }
    _read() {
      this.#socket.resume()
    }
    _write(chunk, encoding, done) {
      this.#socket.write(chunk, encoding, done)
    }
    _final(done) {
      this.#socket.end(done)
    }
    _destroy(error, done) {
      this.#socket.destroy()
      done(error)
    }
  }

  function secure(socket, options, done) {
    const { host } = options
    const servername = options.servername ?? (typeof host === 'string' && !net.isIP(host) ? host : undefined)
    const secured = connectTls({ ...trusting(options), servername, socket: new Delayed(socket) }, done)
    socket.once('error', (error) => secured.destroy(error))
    if (options.timeout) secured.setTimeout(options.timeout)
    // Clients do not let their idle connections keep the process alive.
    for (const name of ['ref', 'unref']) {
      const own = secured[name]
      secured[name] = function () {
        socket[name]()
        return own.call(this)
      }
    }
    return secured
  }

  tls.connect = function connect(...args) {
    const done = args.findLast((each) => typeof each === 'function')
    const options = args.find((each) => typeof each === 'object' && each !== null) ?? {}
    const named = args.filter((each) => typeof each !== 'object')
    const target = targetOf(named) ?? targetOf([options])
    if (options.socket)
      return opening.has(options.socket) ? secure(options.socket, options, done) : connectTls(trusting(options), done)
    if (options.path || target === null || !isProxied(target)) return connectTls(...args)
    const { host, port } = target
    return secure(net.connect({ host, port }), { ...options, host, port }, done)
  }
}

/** Names by the substitutes that `dns.lookup` has returned for them: only the proxy resolves names. */
const names = new Map()
const substitutes = new Map()

function substituteOf(host) {
  let address = substitutes.get(host)
  if (address === undefined) {
    const count = substitutes.size + 1
    // Addresses that no network uses (RFC 2544).
    address = `198.${18 + ((count >> 16) & 1)}.${(count >> 8) & 255}.${count & 255}`
    substitutes.set(host, address)
    names.set(address, host)
  }
  return address
}

/** Lets clients that resolve a name before they connect to its address go on. */
function replaceLookup(isProxied) {
  const dns = createRequire(import.meta.url)('node:dns')
  const { lookup, promises } = dns
  const { lookup: lookupLater } = promises
  const isName = (host) =>
    typeof host === 'string' && host !== '' && !net.isIP(host) && isProxied({ host: nameOf(host) })

  dns.lookup = (host, ...rest) => {
    if (!isName(host)) return lookup(host, ...rest)
    const address = substituteOf(nameOf(host))
    const found = rest[0]?.all ? [[{ address, family: 4 }]] : [address, 4]
    process.nextTick(rest.at(-1), null, ...found)
    return {}
  }
  promises.lookup = async (host, options) => {
    if (!isName(host)) return lookupLater(host, options)
    const found = { address: substituteOf(nameOf(host)), family: 4 }
    return options?.all ? [found] : found
  }
}

/** Returns the host of the arguments of a `connect`, or null for a connection that is not TCP. */
function targetOf(args) {
  // net.connect passes its arguments on as one array.
  const list = Array.isArray(args[0]) ? args[0] : args
  const done = list.findLast?.((each) => typeof each === 'function')
  const [first, second] = list
  if (typeof first === 'object' && first !== null) {
    const { path, host, port } = first
    if (path || port === undefined || port === null) return null
    return { host: nameOf(host), port: Number(port), done }
  }
  const port = Number(first)
  if (first === undefined || first === '' || !Number.isInteger(port)) return null
  return { host: nameOf(typeof second === 'string' ? second : undefined), port, done }
}

function nameOf(host) {
  const name = String(host || 'localhost')
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
  return names.get(name) ?? name
}

/** Tells whether a host is the sandbox itself. */
const isLocal = (host) => host === 'localhost' || host === '::1' || host === '0.0.0.0' || /^127\./.test(host)

const authorityOf = (host, port) => `${net.isIP(host) === 6 ? `[${host}]` : host}:${port}`
