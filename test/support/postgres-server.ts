import { createServer, type Socket } from 'node:net'

/** Response of a server to a statement: one row with one text column, or an error. */
export type ServerAnswer = { column: string; value: string | null } | { error: { code: string; message: string } }

/** Serves the part of PostgreSQL's wire protocol (version 3) that simple queries need, to simulate servers that tests cannot start. */
export async function pretendPostgres(
  answer: (statement: string) => ServerAnswer,
): Promise<{ url: string; close(): void }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    let started = false
    let pending = Buffer.alloc(0)
    socket.on('error', () => sockets.delete(socket))
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk])
      for (;;) {
        const head = started ? 1 : 0
        if (pending.length < head + 4) return
        const length = head + pending.readInt32BE(head)
        if (pending.length < length) return
        const message = pending.subarray(0, length)
        pending = pending.subarray(length)
        if (!started) {
          started = true
          socket.write(Buffer.concat([frame('R', int32(0)), READY]))
        } else if (message[0] === 'Q'.charCodeAt(0)) {
          socket.write(Buffer.concat([reply(answer(message.subarray(5, -1).toString())), READY]))
        }
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    url: `postgres://user@127.0.0.1:${port}/old`,
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

function frame(type: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body])
}

const int32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
const int16 = (value: number) => int32(value).subarray(2)
const text = (value: string) => Buffer.from(`${value}\0`)

const READY = frame('Z', Buffer.from('I'))
const TEXT_TYPE = 25

function reply(answer: ServerAnswer): Buffer {
  if ('error' in answer) {
    return frame('E', text('SERROR'), text(`C${answer.error.code}`), text(`M${answer.error.message}`), Buffer.from([0]))
  }
  const column = Buffer.concat([
    text(answer.column),
    int32(0),
    int16(0),
    int32(TEXT_TYPE),
    int16(-1),
    int32(-1),
    int16(0),
  ])
  const value =
    answer.value === null ? int32(-1) : Buffer.concat([int32(answer.value.length), Buffer.from(answer.value)])
  return Buffer.concat([frame('T', int16(1), column), frame('D', int16(1), value), frame('C', text('SELECT 1'))])
}
