import { readFileSync } from 'node:fs'
import { descriptorsOf } from '../host-checks.ts'
import { NODE_WORLD, PYTHON_WORLD } from '../preludes.ts'
import type { HostileProgram } from '../program.ts'

const NODE_CONNECT = `${NODE_WORLD}
  import net from 'node:net'
  const connect = (where) => new Promise((resolve) => {
    const socket = net.connect(where)
    socket.setTimeout(1000, () => socket.destroy())
    socket.on('connect', () => { socket.destroy(); resolve('connected') })
    socket.on('error', (error) => resolve(error.code))
    socket.on('close', () => resolve('closed'))
  })`
const PYTHON_CONNECT = `${PYTHON_WORLD}
import socket
def connect(family, where, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as made:
        made.settimeout(1)
        made.connect(where)
        if kind == socket.SOCK_DGRAM: made.send(b'x')
        return 'connected'`

export const net: HostileProgram[] = [
  {
    name: 'connects to the loopback of the server',
    group: 'NET',
    stoppedBy: [['net_namespace']],
    node: `${NODE_CONNECT}
      import dgram from 'node:dgram'
      const sent = new Promise((resolve) => {
        const socket = dgram.createSocket('udp4')
        socket.send('x', environment.udp, '127.0.0.1', (error) => { socket.close(); resolve(error?.code ?? 'sent') })
      })
      export default [await connect({ host: '127.0.0.1', port: environment.tcp }), await sent]`,
    python: `${PYTHON_CONNECT}
result = [tried(lambda: connect(socket.AF_INET, ('127.0.0.1', environment['tcp']))),
    tried(lambda: connect(socket.AF_INET, ('127.0.0.1', environment['udp']), socket.SOCK_DGRAM))]`,
  },
  {
    name: 'connects to an abstract socket of the server',
    group: 'NET',
    stoppedBy: [['net_namespace']],
    node: `${NODE_CONNECT}
      export default await connect({ path: '\\0' + environment.abstract })`,
    python: `${PYTHON_CONNECT}
name = '\\0' + environment['abstract']
# Some servers pad the name with the rest of the address.
result = [tried(lambda: connect(socket.AF_UNIX, each)) for each in (name, name.ljust(108, '\\0'))]`,
  },
  {
    name: 'connects to a socket file of the server',
    group: 'NET',
    stoppedBy: [['rootfs']],
    node: `${NODE_CONNECT}
      export default await connect({ path: environment.socket })`,
    python: `${PYTHON_CONNECT}
result = tried(lambda: connect(socket.AF_UNIX, environment['socket']))`,
  },
  {
    name: 'connects to the metadata service, a name server and addresses of the machine',
    group: 'NET',
    stoppedBy: [['net_namespace']],
    node: `${NODE_CONNECT}
      import dns from 'node:dns/promises'
      await connect({ host: '169.254.169.254', port: 80 })
      await connect({ host: '127.0.0.53', port: 53 })
      await dns.lookup('example.com').catch(() => {})
      ready()`,
    python: `${PYTHON_CONNECT}
tried(lambda: connect(socket.AF_INET, ('169.254.169.254', 80)))
tried(lambda: connect(socket.AF_INET, ('127.0.0.53', 53), socket.SOCK_DGRAM))
tried(lambda: socket.getaddrinfo('example.com', 80))
ready()`,
    look(fixture) {
      const of = (file: string) =>
        readFileSync(`/proc/${fixture.seen().interpreter}/net/${file}`, 'latin1').trim().split('\n')
      const devices = of('dev')
        .slice(2)
        .map((line) => line.trim().split(':')[0])
      fixture.check(devices.join() === 'lo', `the program has the network devices ${devices.join(', ')}`)
      fixture.check(of('route').length === 1, 'the program has network routes')
      const own = readFileSync('/proc/self/net/tcp', 'latin1').includes(
        `:${fixture.environment.told.tcp.toString(16).toUpperCase().padStart(4, '0')}`,
      )
      fixture.check(own && !of('tcp').some((line) => line.includes(' 0A ')), 'the program sees listening sockets')
    },
  },
  {
    name: 'opens sockets of families that have no namespace',
    group: 'NET',
    stoppedBy: [['seccomp']],
    python: `${PYTHON_WORLD}
AF_NETLINK, AF_PACKET, AF_ALG, AF_VSOCK, SOCK_RAW, SOCK_DGRAM, SOCK_STREAM, SOCK_SEQPACKET = 16, 17, 38, 40, 3, 2, 1, 5
for family, kind, protocol in [(AF_VSOCK, SOCK_STREAM, 0), (AF_VSOCK, SOCK_DGRAM, 0), (AF_ALG, SOCK_SEQPACKET, 0), (AF_PACKET, SOCK_RAW, 768),
        (AF_NETLINK, SOCK_RAW, 4), (AF_NETLINK, SOCK_RAW, 9), (AF_NETLINK, SOCK_RAW, 15), (AF_NETLINK, SOCK_RAW, 16), (2, SOCK_RAW, 1),
        *[(family, kind, 0) for family in range(3, 46) if family not in (10, 16) for kind in (SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET)]]:
    syscall(41, family, kind, protocol)
ready()`,
    look(fixture) {
      // The inherited sockets are the channel, stdout and stderr.
      const sockets = descriptorsOf(fixture.seen().interpreter).filter((link) => link.startsWith('socket:')).length
      fixture.check(sockets <= 3, `the program has opened ${sockets - 3} sockets`)
    },
  },
]
