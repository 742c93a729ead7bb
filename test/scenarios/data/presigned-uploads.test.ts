import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'

let app: TestApp
let user: TestUser
beforeAll(async () => {
  app = await openTestApp({ ZERODB_MAX_UPLOAD_MB: '1' })
})
afterAll(() => app.close())
beforeEach(async () => {
  user = await app.newUser()
})

const presign = (fields: object = {}) =>
  user.post(`${user.database}/files/presigned-upload`, { file_name: 'photo.png', ...fields })
/** Uploads without a key. */
const put = (url: string, payload: string | Buffer = 'content', type: string | null = 'image/png') =>
  app.request('PUT', url, { payload, headers: type === null ? {} : { 'content-type': type } })
const files = async () => (await user.get(`${user.database}/files`)).body

test('a presigned upload stores one file without a key, with the fields of the request, and its event', async () => {
  const fields = { file_key: 'photos/1', folder: 'photos', file_metadata: { album: 'a' }, content_type: 'image/png' }
  const { status, body } = await presign({ ...fields, max_bytes: 100, expires_in: 60 })
  expect([status, body]).toEqual([
    201,
    {
      url: `http://localhost${body.url_path}`,
      url_path: expect.stringMatching(/\/presigned\?expires=\d+&signature=[\w-]{43}$/),
      method: 'PUT',
      operation: 'upload',
      headers: { 'content-type': 'image/png' },
      file_id: expect.any(String),
      max_bytes: 100,
      expires_in: 60,
      expires_at: expect.any(String),
    },
  ])
  expect([await files(), await user.events()]).toEqual([[], []])
  const stored = await put(body.url_path)
  expect(stored).toMatchObject({
    status: 201,
    body: { ...fields, file_id: body.file_id, file_name: 'photo.png', size_bytes: 7, has_content: true },
  })
  expect(await files()).toEqual([stored.body])
  expect(await user.events()).toMatchObject([
    {
      event: 'zerodb.file.uploaded',
      data: { file_id: body.file_id, file_name: 'photo.png', content_type: 'image/png', size_bytes: 7 },
    },
  ])
  expect((await user.get(`${user.database}/files/${body.file_id}/download`)).raw.toString()).toBe('content')
})

test.each(['application/json', 'multipart/form-data; boundary=x', 'text/plain', 'application/octet-stream', null])(
  'the body is the content as it is, sent as %s',
  async (type) => {
    const { body } = await presign()
    const content = Buffer.from('{"n": 1.0, "n": 2}  ')
    expect(await put(body.url_path, content, type)).toMatchObject({ status: 201, body: { content_type: type } })
    expect((await user.get(`${user.database}/files/${body.file_id}/download`)).raw).toEqual(content)
  },
)

test('works once, also when two requests come at the same time or the file is deleted', async () => {
  const { url_path, file_id } = (await presign()).body
  const replies = await Promise.all([put(url_path, 'first'), put(url_path, 'second')])
  expect(replies.map(({ status }) => status).sort()).toEqual([201, 403])
  await user.delete(`${user.database}/files/${file_id}`)
  expect(await put(url_path)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  expect(await files()).toEqual([])
  expect((await user.events()).map(({ event }) => event)).toEqual(['zerodb.file.uploaded', 'zerodb.file.deleted'])
})

test('a refused upload stores nothing, and the URL can be used again', async () => {
  const { url_path } = (await presign({ content_type: 'image/png', max_bytes: 10 })).body
  expect(await put(url_path, 'x'.repeat(11))).toMatchObject({
    status: 413,
    body: { detail: expect.stringContaining('10 bytes') },
  })
  expect(await put(url_path, 'x', 'text/html')).toMatchObject({ status: 415 })
  await user.post(`/api/v1/projects/${user.project_id}/suspend`)
  expect(await put(url_path)).toMatchObject({ status: 409, body: { code: 'project_suspended' } })
  expect(await files()).toEqual([])
  await user.post(`/api/v1/projects/${user.project_id}/activate`)
  expect((await put(url_path, 'x'.repeat(10))).status).toBe(201)
})

test('content over the limit of the server is refused, whatever the URL allows', async () => {
  const { url_path, max_bytes } = (await presign({ max_bytes: 5_000_000 })).body
  expect(max_bytes).toBe(1024 * 1024)
  expect((await put(url_path, Buffer.alloc(max_bytes + 1))).status).toBe(413)
  expect((await put(url_path, Buffer.alloc(max_bytes))).status).toBe(201)
})

test('is 403 with a changed signature, time, file or project, with that of a download, and after its time', async () => {
  const { url_path, file_id } = (await presign({ expires_in: 60 })).body
  const stored = (await user.post(`${user.database}/files/upload`, { file_name: 'a', file_content: 'aGk=' })).body
  const download = (await user.post(`${user.database}/files/${stored.file_id}/presigned-url`)).body.url_path
  const other = await user.project()
  for (const url of [
    url_path.replace(/.$/, (end: string) => (end === 'A' ? 'B' : 'A')),
    url_path.replace(/expires=\d+/, 'expires=9999999999'),
    url_path.replace(file_id, stored.file_id),
    url_path.replace(user.project_id, other),
    download,
    download.replace(stored.file_id, file_id),
  ])
    expect({ url, ...(await put(url)) }).toMatchObject({ url, status: 403, body: { code: 'forbidden' } })
  expect((await app.request('GET', url_path)).status).toBe(403)
  app.clock.advance(61)
  expect(await put(url_path)).toMatchObject({ status: 403, body: { detail: expect.stringContaining('expired') } })
  expect(await files()).toHaveLength(1)
})

test('an expired permission is deleted, and a deleted project has none', async () => {
  await presign({ expires_in: 60 })
  const project = await user.project()
  const { url_path } = (
    await user.post(`/api/v1/projects/${project}/database/files/presigned-upload`, { file_name: 'a' })
  ).body
  const open = async () =>
    (
      await app.system.database.query(
        sql`select from zerodb_uploads where project_id in (${user.project_id}, ${project})`,
      )
    ).length
  expect(await open()).toBe(2)
  await user.delete(`/api/v1/projects/${project}`)
  expect((await put(url_path)).status).toBe(403)
  app.clock.advance(61)
  await app.system.app.store.uploads.removeExpired()
  expect(await open()).toBe(0)
})

test.each([
  [{ file_name: '' }, 'file_name'],
  [{ max_bytes: 0 }, 'max_bytes'],
  [{ expires_in: 604_801 }, 'expires_in'],
  [{ operation: 'download' }, 'operation'],
  [{ operation: 'upload', unknown: 1 }, 'unknown'],
])('%j is 422', async (fields, field) => {
  const { status, body } = await presign(fields)
  expect([status, body.detail[0].loc]).toEqual([422, ['body', field]])
})

test('a project of another user is 404', async () => {
  const other = await app.newUser()
  const reply = await other.post(`${user.database}/files/presigned-upload`, { file_name: 'a' })
  expect(reply.status).toBe(404)
})

const register = async () =>
  (
    await user.post(`${user.database}/files/upload`, {
      file_name: 'a.txt',
      folder: 'texts',
      content_type: 'text/plain',
    })
  ).body.file_id
/** Asks for a URL in the form of clients that register a file first. */
const forRegistered = (file_id: string, body: object = {}) =>
  user.post(`${user.database}/files/${file_id}/presigned-url`, { operation: 'upload', expiration_seconds: 60, ...body })

test('a presigned upload adds the content of a registered file, once, with an event and a before-image', async () => {
  const file_id = await register()
  const { status, body } = await forRegistered(file_id)
  expect([status, body]).toMatchObject([
    201,
    { method: 'PUT', operation: 'upload', file_id, headers: { 'content-type': 'text/plain' }, expires_in: 60 },
  ])
  const stored = await put(body.url, 'content', 'text/plain')
  expect(stored).toMatchObject({
    status: 201,
    body: { file_id, file_name: 'a.txt', folder: 'texts', size_bytes: 7, has_content: true },
  })
  expect(await files()).toEqual([stored.body])
  expect((await user.get(`${user.database}/files/${file_id}/download`)).raw.toString()).toBe('content')
  expect((await put(body.url, 'again', 'text/plain')).status).toBe(403)
  expect(await user.events()).toMatchObject([
    { event: 'zerodb.file.uploaded', data: { file_id } },
    { event: 'zerodb.file.updated', data: { file_id, changed: ['content', 'size_bytes'] } },
  ])
  const images = await app.system.database.query(sql`
    select before -> 'blob' as blob, before ->> 'file_name' as file_name from zerodb_changes where row_id = ${file_id}::uuid`)
  expect(images).toEqual([{ blob: null, file_name: 'a.txt' }])
  expect(await forRegistered(file_id)).toMatchObject({ status: 422, body: { detail: [{ loc: ['body', 'file_id'] }] } })
})

test('a URL for a registered file ends with the file, and with a second upload at the same time', async () => {
  const [deleted, file_id] = [await register(), await register()]
  const gone = (await forRegistered(deleted)).body.url
  await user.delete(`${user.database}/files/${deleted}`)
  expect((await put(gone, 'x', 'text/plain')).status).toBe(403)
  const urls = [(await forRegistered(file_id)).body.url, (await forRegistered(file_id)).body.url]
  const replies = await Promise.all(urls.map((url, n) => put(url, `content ${n}`, 'text/plain')))
  expect(replies.map(({ status }) => status).sort()).toEqual([201, 403])
  expect(await files()).toMatchObject([{ file_id, has_content: true }])
})

test('only the owner gets a URL for a registered file, and no other fields of it', async () => {
  const [file_id, stranger] = [await register(), await app.newUser()]
  for (const database of [user.database, stranger.database])
    expect((await stranger.post(`${database}/files/${file_id}/presigned-url`, { operation: 'upload' })).status).toBe(
      404,
    )
  for (const field of ['file_name', 'folder'])
    expect(await presign({ file_name: undefined, file_id, [field]: 'b' })).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ['body', field] }] },
    })
  expect(await presign({ file_name: undefined })).toMatchObject({
    status: 422,
    body: { detail: [{ loc: ['body', 'file_name'] }] },
  })
})
