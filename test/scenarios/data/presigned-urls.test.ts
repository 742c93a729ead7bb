import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'

const lines: string[] = []
const log = pino({ level: 'debug' }, { write: (line: string) => lines.push(line) })
let app: TestApp
beforeAll(async () => {
  app = await openTestApp({}, { log })
})
afterAll(() => app.close())

const UNSCOPED = '/api/v1/public/zerodb/files'

async function upload(user: TestUser, content = '0123456789'): Promise<string> {
  const body = { file_name: 'a.txt', content_type: 'text/plain', file_content: Buffer.from(content).toString('base64') }
  return (await user.post(`${user.database}/files/upload`, body)).body.file_id
}

/** Sends a request without a key. */
const get = (url: string, headers = {}) => app.request('GET', url, { headers })

test('G16: a presigned URL downloads the file without a key, in every form in which a client asks for it', async () => {
  const user = await app.newUser()
  const file_id = await upload(user)
  for (const [method, url, body, seconds] of [
    [
      'POST',
      `${user.database}/files/${file_id}/presigned-url`,
      { operation: 'download', expiration_seconds: 600 },
      600,
    ],
    ['POST', `${user.database}/files/${file_id}/presigned-url`, { expires_in: 60 }, 60],
    ['POST', `${user.database}/files/${file_id}/presigned-url`, undefined, 3600],
    ['GET', `${UNSCOPED}/${file_id}/url?expires_in=60`, undefined, 60],
    ['GET', `${UNSCOPED}/${file_id}/url?operation=download&expiration_seconds=600`, undefined, 600],
    ['POST', `${UNSCOPED}/${file_id}/url`, { operation: 'download', expirationSeconds: 600 }, 600],
    ['GET', `/api/v1/public/files/${file_id}/url`, undefined, 3600],
  ] as const) {
    const reply = await user.request(method, url, { body })
    expect({ url, ...reply }).toMatchObject({ url, status: 200 })
    const { url_path } = reply.body
    expect(reply.body).toEqual({
      url: `http://localhost${url_path}`,
      url_path: expect.stringMatching(/\/presigned\?expires=\d+&signature=[\w-]{43}$/),
      method: 'GET',
      operation: 'download',
      file_id,
      expires_in: seconds,
      expires_at: expect.any(String),
    })
    expect(await get(url_path)).toMatchObject({ status: 200, body: '0123456789' })
  }
  const { url_path } = (await user.post(`${user.database}/files/${file_id}/presigned-url`)).body
  expect(await get(url_path, { range: 'bytes=2-4' })).toMatchObject({
    status: 206,
    body: '234',
    headers: { 'content-range': 'bytes 2-4/10' },
  })
  const head = await app.request('HEAD', url_path)
  expect({ status: head.status, length: head.headers['content-length'] }).toEqual({ status: 200, length: '10' })
  expect((await user.events()).map(({ event }) => event)).toEqual(['zerodb.file.uploaded'])
})

test('the URL has the origin under which the client reached the server', async () => {
  const user = await app.newUser()
  const file_id = await upload(user)
  const reply = await user.post(`${user.database}/files/${file_id}/presigned-url`, {}, { host: 'db.internal:8443' })
  expect(reply.body.url).toBe(`http://db.internal:8443${reply.body.url_path}`)
})

test('a URL is 403 after its time, with another time, and for another file or project', async () => {
  const user = await app.newUser()
  const [file_id, second] = [await upload(user), await upload(user, 'secret')]
  const { url_path } = (await user.post(`${user.database}/files/${file_id}/presigned-url`, { expires_in: 60 })).body
  const [, expires = '', signature = ''] = /expires=(\d+)&signature=(.+)$/.exec(url_path)!
  const forged = [
    url_path.replace(file_id, second),
    url_path.replace(file_id, randomUUID()),
    url_path.replace(user.project_id, await user.project()),
    url_path.replace(expires, `${Number(expires) + 1}`),
    url_path.replace(signature, `${signature.slice(1)}A`),
    url_path.replace(signature, ''),
    url_path.replace(signature, 'x'.repeat(200)),
  ]
  for (const path of forged)
    expect({ path, ...(await get(path)) }).toMatchObject({
      path,
      status: 403,
      body: { code: 'forbidden', detail: 'The signature of this URL is not valid: create a new presigned URL' },
    })
  for (const [path, field] of [
    [url_path.replace(`expires=${expires}&`, ''), 'expires'],
    [url_path.replace(`&signature=${signature}`, ''), 'signature'],
  ] as const)
    expect((await get(path)).body.detail).toMatchObject([{ type: 'missing', loc: ['query', field] }])
  app.clock.advance(59)
  expect((await get(url_path)).status).toBe(200)
  app.clock.advance(2)
  expect(await get(url_path)).toMatchObject({
    status: 403,
    body: { code: 'forbidden', detail: 'This presigned URL has expired: create a new one' },
  })
  const problem = await get(url_path, { accept: 'application/problem+json' })
  expect(problem.body.instance).toContain('signature=[redacted]')
  expect(lines.join('')).toContain('/presigned')
  expect(lines.join('')).not.toContain(signature)
})

test('only the owner of a file with content creates a URL, for 1 s to 7 days', async () => {
  const [user, stranger] = [await app.newUser(), await app.newUser()]
  const file_id = await upload(user)
  const path = (database: string, id: string) => `${database}/files/${id}/presigned-url`
  for (const url of [path(user.database, file_id), path(stranger.database, file_id)])
    expect((await stranger.post(url)).status).toBe(404)
  expect((await get(path(user.database, file_id))).status).toBe(401)
  for (const [body, field] of [
    [{ expires_in: 0 }, 'expires_in'],
    [{ expires_in: 604_801 }, 'expires_in'],
    [{ expires_in: 1.5 }, 'expires_in'],
    [{ expiration_seconds: 'long' }, 'expires_in'],
    [{ operation: 'delete' }, 'operation'],
    [{ operation: 'upload' }, 'file_id'],
    [{ operation: 'upload', expiration_seconds: 0 }, 'expires_in'],
  ] as const)
    expect(await user.post(path(user.database, file_id), body)).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ['body', field] }] },
    })
  expect((await user.post(path(user.database, file_id), { expires_in: 604_800 })).status).toBe(200)
  const empty = (await user.post(`${user.database}/files/upload`, { file_name: 'b.txt' })).body.file_id
  expect(await user.post(path(user.database, empty))).toMatchObject({
    status: 404,
    body: { detail: 'This file was registered without content' },
  })
})

test('a URL is 404 after the file was deleted', async () => {
  const user = await app.newUser()
  const file_id = await upload(user)
  const { url_path } = (await user.post(`${user.database}/files/${file_id}/presigned-url`)).body
  await user.delete(`${user.database}/files/${file_id}`)
  expect(await get(url_path)).toMatchObject({ status: 404, body: { detail: 'File not found' } })
})
