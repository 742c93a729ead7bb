import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { openTestApp, type Reply, type TestApp, type TestUser } from '../../support/app.ts'
import { docx, paragraph, pdf } from '../../support/documents.ts'

const MB = 1024 * 1024

let app: TestApp
beforeAll(async () => {
  app = await openTestApp({ ZERODB_MAX_UPLOAD_MB: '1' })
})
afterAll(() => app.close())

const DOCX = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'
const UPLOADED = 'zerodb.file.uploaded'
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

interface Part {
  name: string
  value: string | Buffer
  file_name?: string
  type?: string
}

/** Returns a multipart body, and the header for it. */
function multipart(parts: readonly Part[]): { payload: Buffer; headers: Record<string, string> } {
  const boundary = `----${randomUUID()}`
  const pieces = parts.flatMap(({ name, value, file_name, type }) => [
    `--${boundary}\r\ncontent-disposition: form-data; name="${name}"`,
    file_name === undefined ? '' : `; filename="${file_name}"`,
    type === undefined ? '' : `\r\ncontent-type: ${type}`,
    '\r\n\r\n',
    value,
    '\r\n',
  ])
  const payload = Buffer.concat([...pieces, `--${boundary}--\r\n`].map((piece) => Buffer.from(piece)))
  return { payload, headers: { 'content-type': `multipart/form-data; boundary=${boundary}` } }
}

function upload(user: TestUser, parts: readonly Part[], url = `${user.database}/files/upload`): Promise<Reply> {
  return user.request('POST', url, multipart(parts))
}

const file = (value: string | Buffer, file_name = 'notes.txt', type = 'text/plain'): Part => ({
  name: 'file',
  value,
  file_name,
  type,
})

/** Returns the names of the stored contents, and the number of incomplete ones. */
async function blobsOnDisk(): Promise<{ kept: string[]; staged: number }> {
  const folder = join(app.system.app.config.dataDir, 'blobs')
  const kept: string[] = []
  let staged = 0
  for (const group of await readdir(folder).catch(() => [])) {
    const names = await readdir(join(folder, group))
    if (group === 'staging') staged = names.length
    else kept.push(...names)
  }
  return { kept: kept.sort(), staged }
}

const hashOf = (content: Buffer | string) => createHash('sha256').update(content).digest('hex')

test('a multipart upload is stored byte for byte, and emits one event', async () => {
  const user = await app.newUser()
  const content = randomBytes(300_000)
  const stored = await upload(user, [file(content, 'data.bin', 'application/octet-stream')])
  expect(stored.status).toBe(200)
  expect(stored.body).toEqual({
    file_id: expect.stringMatching(UUID),
    id: stored.body.file_id,
    project_id: user.project_id,
    file_key: expect.any(String),
    file_name: 'data.bin',
    content_type: 'application/octet-stream',
    size_bytes: content.length,
    folder: null,
    file_metadata: {},
    metadata: {},
    has_content: true,
    summary: null,
    updated_at: null,
    created_at: expect.any(String),
  })
  expect((await user.events()).map(({ event, channel, data }) => ({ event, channel, data }))).toEqual([
    {
      event: UPLOADED,
      channel: 'zerodb',
      data: {
        file_id: stored.body.file_id,
        project_id: user.project_id,
        file_name: 'data.bin',
        content_type: 'application/octet-stream',
        size_bytes: content.length,
        user_id: user.user_id,
      },
    },
  ])
  expect((await user.get(`${user.database}/files/${stored.body.file_id}`)).body).toEqual(stored.body)

  const bytes = await user.get(`${user.database}/files/${stored.body.file_id}/download`)
  expect(bytes.status).toBe(200)
  expect(bytes.raw.equals(content)).toBe(true)
  expect(bytes.headers).toMatchObject({
    'content-type': 'application/octet-stream',
    'content-length': String(content.length),
    'content-disposition': "attachment; filename*=UTF-8''data.bin",
    'content-security-policy': 'sandbox',
    'x-content-type-options': 'nosniff',
    etag: `"${hashOf(content)}"`,
  })
  expect(await user.trail()).toEqual({ events: [UPLOADED], runs: [] })
})

test('a multipart upload accepts its metadata before or after the file', async () => {
  const user = await app.newUser()
  const metadata = { name: 'metadata', value: '{"author":"Ann","pages":3}' }
  const more = [
    { name: 'folder', value: 'reports' },
    { name: 'fileKey', value: 'reports/notes' },
    { name: 'file_name', value: 'renamed.md' },
    { name: 'mime_type', value: 'text/markdown' },
  ]
  for (const parts of [
    [metadata, ...more, file('hello')],
    [file('hello'), ...more, metadata],
  ]) {
    const stored = await upload(user, parts)
    expect(stored).toMatchObject({
      status: 200,
      body: {
        file_metadata: { author: 'Ann', pages: 3 },
        metadata: { author: 'Ann', pages: 3 },
        folder: 'reports',
        file_key: 'reports/notes',
        file_name: 'renamed.md',
        content_type: 'text/markdown',
        size_bytes: 5,
      },
    })
  }
  const wrong = await upload(user, [{ name: 'metadata', value: 'not json' }, file('hello')])
  expect(wrong.status).toBe(422)
  expect(wrong.body.detail).toMatchObject([{ type: 'dict_type', loc: ['body', 'file_metadata'] }])
  expect(await user.trail()).toEqual({ events: [UPLOADED, UPLOADED], runs: [] })
})

test('a multipart upload has exactly one file', async () => {
  const user = await app.newUser()
  const none = await upload(user, [{ name: 'metadata', value: '{}' }])
  expect(none.status).toBe(422)
  expect(none.body.detail).toMatchObject([{ type: 'missing', loc: ['body', 'file'] }])
  const two = await upload(user, [file('one'), file('two')])
  expect(two.status).toBe(422)
  expect(two.body.detail).toContain('more than one file part')
  expect(await user.trail()).toEqual({ events: [], runs: [] })
})

test('a malformed multipart body is a client error, and stores nothing', async () => {
  const user = await app.newUser()
  const before = await blobsOnDisk()
  const { payload, headers } = multipart([file(randomBytes(10_000), 'cut.bin')])
  const cut = await user.request('POST', `${user.database}/files/upload`, {
    payload: payload.subarray(0, 5_000),
    headers,
  })
  expect(cut.status).toBe(422)
  const bare = await user.request('POST', `${user.database}/files/upload`, {
    payload,
    headers: { 'content-type': 'multipart/form-data' },
  })
  expect(bare.status).toBe(422)
  expect(await blobsOnDisk()).toEqual(before)
  expect(await user.trail()).toEqual({ events: [], runs: [] })
})

test('base64 content is stored, with or without a data URL prefix', async () => {
  const user = await app.newUser()
  const content = randomBytes(1000)
  for (const file_content of [
    content.toString('base64'),
    content.toString('base64url'),
    `data:image/png;base64,${content.toString('base64')}`,
    content.toString('base64').replace(/.{76}/g, '$&\r\n'),
  ]) {
    const stored = await user.post(`${user.database}/files`, {
      fileName: 'a.png',
      file_content,
      content_type: 'image/png',
    })
    expect(stored).toMatchObject({ status: 200, body: { file_name: 'a.png', size_bytes: 1000, has_content: true } })
    const bytes = await user.get(`${user.database}/files/${stored.body.file_id}/download`)
    expect(bytes.raw.equals(content)).toBe(true)
  }
  expect((await blobsOnDisk()).kept.filter((name) => name === hashOf(content))).toHaveLength(1)
  expect((await user.events()).map(({ data }) => data)).toMatchObject(Array(4).fill({ size_bytes: 1000 }))
})

test('content that is not valid base64 is refused, and stores nothing', async () => {
  const user = await app.newUser()
  for (const file_content of ['not base64!', 'AAA=AAA', '%%%%']) {
    const reply = await user.post(`${user.database}/files/upload`, { file_name: 'a', file_content })
    expect(reply.status).toBe(422)
    expect(reply.body.detail).toMatchObject([{ type: 'value_error', loc: ['body', 'file_content'] }])
  }
  expect(await user.trail()).toEqual({ events: [], runs: [] })
})

test('a file can be registered by its metadata alone, and then has no content', async () => {
  const user = await app.newUser()
  const stored = await user.post(`${user.database}/files/upload`, {
    fileKey: 'archive/2026/plan.pdf',
    contentType: 'application/pdf',
    file_size: 12345,
    metadata: { stored: 'elsewhere' },
  })
  expect(stored).toMatchObject({
    status: 200,
    body: {
      file_key: 'archive/2026/plan.pdf',
      file_name: 'plan.pdf',
      content_type: 'application/pdf',
      size_bytes: 12345,
      has_content: false,
      file_metadata: { stored: 'elsewhere' },
    },
  })
  const bytes = await user.get(`${user.database}/files/${stored.body.file_id}/download`)
  expect(bytes).toMatchObject({ status: 404, body: { detail: 'This file was registered without content' } })
  const nameless = await user.post(`${user.database}/files/upload`, { metadata: {} })
  expect(nameless.status).toBe(422)
  expect(nameless.body.detail).toMatchObject([{ type: 'missing', loc: ['body', 'file_name'] }])
  expect((await user.events()).map(({ data }) => data)).toMatchObject([
    { file_name: 'plan.pdf', content_type: 'application/pdf', size_bytes: 12345 },
  ])
})

test('routes without a project store into and read from the caller’s project', async () => {
  const user = await app.newUser()
  const parts = multipart([file('hello'), { name: 'metadata', value: '{"a":1}' }])
  const stored = await user.request('POST', '/api/v1/public/zerodb/files', parts)
  expect(stored).toMatchObject({ status: 200, body: { project_id: user.project_id, file_metadata: { a: 1 } } })
  const bytes = await user.get(`/api/v1/public/zerodb/files/${stored.body.file_id}`)
  expect(bytes).toMatchObject({ status: 200, body: 'hello' })

  const other = await user.project()
  const elsewhere = await user.post(
    '/api/v1/public/zerodb/files',
    { file_name: 'b.txt', file_content: 'aGk=' },
    { 'x-project-id': other },
  )
  expect(elsewhere).toMatchObject({ status: 200, body: { project_id: other } })
  expect(await user.trail()).toEqual({ events: [UPLOADED, UPLOADED], runs: [] })
})

test('a download supports ranges, and sends nothing to a client that has the content', async () => {
  const user = await app.newUser()
  const { file_id } = (await upload(user, [file('0123456789')])).body
  const url = `${user.database}/files/${file_id}/download`
  const range = (value: string) => user.get(url, { range: value })
  for (const [value, body, header] of [
    ['bytes=0-3', '0123', 'bytes 0-3/10'],
    ['bytes=4-', '456789', 'bytes 4-9/10'],
    ['bytes=-2', '89', 'bytes 8-9/10'],
    ['bytes=-100', '0123456789', 'bytes 0-9/10'],
    ['bytes=9-100', '9', 'bytes 9-9/10'],
  ] as const) {
    const reply = await range(value)
    expect(reply).toMatchObject({ status: 206, body, headers: { 'content-range': header } })
    expect(Number(reply.headers['content-length'])).toBe(body.length)
  }
  for (const value of ['bytes=10-', 'bytes=10-12', 'bytes=-0']) {
    const reply = await range(value)
    expect(reply).toMatchObject({ status: 416, headers: { 'content-range': 'bytes */10' } })
    expect(reply.raw).toHaveLength(0)
  }
  for (const value of ['bytes=5-2', 'bytes=0-1,4-5', 'lines=1-2', 'bytes=-'])
    expect(await range(value)).toMatchObject({ status: 200, body: '0123456789' })

  const etag = `"${hashOf('0123456789')}"`
  const known = await user.get(url, { 'if-none-match': etag })
  expect(known).toMatchObject({ status: 304, headers: { etag } })
  expect(known.raw).toHaveLength(0)
  expect((await user.get(url, { 'if-none-match': '"other"' })).status).toBe(200)
})

test('an empty file can be stored', async () => {
  const user = await app.newUser()
  const stored = await upload(user, [file('')])
  expect(stored).toMatchObject({ status: 200, body: { size_bytes: 0, has_content: true } })
  const url = `${user.database}/files/${stored.body.file_id}/download`
  const bytes = await user.get(url)
  expect(bytes.status).toBe(200)
  expect(bytes.raw).toHaveLength(0)
  expect((await user.get(url, { range: 'bytes=0-0' })).status).toBe(416)
})

test('the same content is stored once, and kept while a file uses it', async () => {
  const user = await app.newUser()
  const content = randomBytes(500)
  const first = await upload(user, [file(content, 'a.bin')])
  const second = await upload(user, [file(content, 'b.bin')])
  expect((await blobsOnDisk()).kept.filter((name) => name === hashOf(content))).toHaveLength(1)
  expect((await user.delete(`${user.database}/files/${first.body.file_id}`)).status).toBe(204)
  const inUse = (blobs: readonly string[]) => app.system.app.store.files.blobsInUse(blobs)
  await app.system.app.blobs.collect(inUse, -1)
  const bytes = await user.get(`${user.database}/files/${second.body.file_id}/download`)
  expect(bytes.raw.equals(content)).toBe(true)

  await user.delete(`${user.database}/files/${second.body.file_id}`)
  await app.system.app.blobs.collect(inUse, -1)
  // The files as they were before their deletion have the content, until the events expire.
  expect((await blobsOnDisk()).kept).toContain(hashOf(content))
  await app.system.database.query(sql`delete from zerodb_changes where before ->> 'blob' = ${hashOf(content)}`)
  await app.system.app.blobs.collect(inUse, -1)
  expect((await blobsOnDisk()).kept).not.toContain(hashOf(content))
})

test('a file of the maximum size is accepted; one byte more is 413 and leaves no row, event or content', async () => {
  const user = await app.newUser()
  const largest = randomBytes(MB)
  expect(await upload(user, [file(largest)])).toMatchObject({ status: 200, body: { size_bytes: MB } })
  const before = await blobsOnDisk()
  const tooLarge = Buffer.concat([largest, Buffer.from('!')])
  expect((await upload(user, [file(tooLarge)])).status).toBe(413)
  const asBase64 = await user.post(`${user.database}/files`, {
    file_name: 'a',
    file_content: tooLarge.toString('base64'),
  })
  expect(asBase64.status).toBe(413)
  expect(await blobsOnDisk()).toEqual(before)
  expect(before.staged).toBe(0)
  expect((await user.get(`${user.database}/files`)).body).toHaveLength(1)
  expect(await user.trail()).toEqual({ events: [UPLOADED], runs: [] })
})

test('content for a project of another user is not even written', async () => {
  const user = await app.newUser()
  const stranger = await app.newUser()
  const before = await blobsOnDisk()
  for (const project of [user.project_id, randomUUID()]) {
    const url = `/api/v1/projects/${project}/database/files/upload`
    expect(await upload(stranger, [file(randomBytes(10))], url)).toMatchObject({
      status: 404,
      body: { detail: 'Project not found' },
    })
    const json = await stranger.post(url, { file_name: 'a', file_content: randomBytes(10).toString('base64') })
    expect(json.status).toBe(404)
  }
  expect(await blobsOnDisk()).toEqual(before)
  expect(await user.trail()).toEqual({ events: [], runs: [] })
  expect(await stranger.trail()).toEqual({ events: [], runs: [] })
})

test('files are listed newest first, by folder and by page', async () => {
  const user = await app.newUser()
  for (const [file_name, folder] of [
    ['a', 'x'],
    ['b', null],
    ['c', 'x'],
  ])
    await user.post(`${user.database}/files`, { file_name, folder })
  const list = async (query: string) =>
    (await user.get(`${user.database}/files${query}`)).body.map((one: { file_name: string }) => one.file_name)
  expect(await list('')).toEqual(['c', 'b', 'a'])
  expect(await list('?folder=x')).toEqual(['c', 'a'])
  expect(await list('?limit=1&skip=1')).toEqual(['b'])
})

test('a deleted file is gone, and deleting it again is 404', async () => {
  const user = await app.newUser()
  const { file_id } = (await upload(user, [file('hello')])).body
  const deleted = await user.delete(`${user.database}/files/${file_id}`)
  expect(deleted.status).toBe(204)
  expect(deleted.raw).toHaveLength(0)
  for (const path of ['', '/download'])
    expect((await user.get(`${user.database}/files/${file_id}${path}`)).status).toBe(404)
  expect((await user.delete(`${user.database}/files/${file_id}`)).status).toBe(404)
  expect(await user.trail()).toEqual({ events: [UPLOADED, 'zerodb.file.deleted'], runs: [] })
})

test('content that is missing on disk is 404 in the format of every error', async () => {
  const user = await app.newUser()
  const content = randomBytes(100)
  const { file_id } = (await upload(user, [file(content)])).body
  const hash = hashOf(content)
  await rm(join(app.system.app.config.dataDir, 'blobs', hash.slice(0, 2), hash))
  const reply = await user.get(`${user.database}/files/${file_id}/download`)
  expect(reply).toMatchObject({ status: 404, body: { detail: 'The content of this file is missing' } })
})

test('a name or type that is not valid in a header does not break the download', async () => {
  const user = await app.newUser()
  for (const [file_name, content_type] of [
    ['Ünïcödé 🔑 "quoted".txt', 'text/plain; charset=utf-8'],
    ['a\r\nset-cookie: x=y', 'text/plain\r\nset-cookie: x=y'],
    ['b', 'texte/ünïcödé'],
    ['c', ''],
  ] as const) {
    const stored = await user.post(`${user.database}/files`, { file_name, content_type, file_content: 'aGk=' })
    expect(stored).toMatchObject({ status: 200, body: { file_name, content_type } })
    const bytes = await user.get(`${user.database}/files/${stored.body.file_id}/download`)
    expect(bytes).toMatchObject({ status: 200, body: 'hi' })
    expect(bytes.headers['set-cookie']).toBeUndefined()
    expect(bytes.headers['content-disposition']).toBe(`attachment; filename*=UTF-8''${encodeURIComponent(file_name)}`)
  }
})

const STORY = [
  'The lighthouse of Westerheversand stands in the marshes of the North Frisian coast.',
  'It was built in 1906 and its light is seen from thirty miles.',
  'The keeper of the lighthouse lived in one of two houses beside the tower.',
  'Since 1979 the lighthouse has worked without a keeper.',
  'Today the lighthouse is a place where people marry and where scientists study the marshes.',
  'Sheep graze around the tower all summer.',
].join(' ')

test('auto_summarize stores a summary of at most max_length on the file', async () => {
  const user = await app.newUser()
  const hook = await user.hook(UPLOADED, 'auto_summarize', { hook_config: { max_length: 120 } })
  const { file_id } = (await upload(user, [file(STORY, 'lighthouse.md', 'text/markdown')])).body
  const [run] = await user.runs()
  expect(run).toMatchObject({ hook_id: hook.id, status: 'succeeded', attempts: 1, event_type: UPLOADED })
  const { summary } = (await user.get(`${user.database}/files/${file_id}`)).body
  expect(run!.result).toEqual({
    summarized: true,
    type: 'markdown',
    characters: summary.length,
    used: 'builtin-1',
  })
  expect(summary.length).toBeLessThanOrEqual(120)
  expect(summary.length).toBeGreaterThan(20)
  expect(STORY).toContain(summary.split('. ')[0])
  expect(await user.trail()).toEqual({ events: [UPLOADED], runs: ['auto_summarize succeeded'] })
})

test('a file that cannot be summarised makes the run dead at the first attempt, with the reason', async () => {
  const user = await app.newUser()
  await user.hook(UPLOADED, 'auto_summarize')
  await upload(user, [file(randomBytes(10), 'photo.png', 'image/png')])
  await upload(user, [file(Buffer.from([0xff, 0xfe, 0x00]), 'odd.txt', 'text/plain')])
  const runs = await user.runs()
  expect(runs).toMatchObject([
    { status: 'dead', attempts: 1, error: { code: 'handler_failed', message: expect.stringContaining('photo.png') } },
    { status: 'dead', attempts: 1, error: { message: expect.stringContaining('odd.txt') } },
  ])
  expect(runs[0]!.finished_at).not.toBeNull()
  const trail = await user.trail()
  // A run can die before or after the next upload.
  expect({ ...trail, events: trail.events.sort() }).toEqual({
    events: [UPLOADED, UPLOADED, 'zerodb.run.dead', 'zerodb.run.dead'],
    runs: Array(2).fill('auto_summarize dead'),
  })
})

test('a pdf and a docx are summarised, and found by words and meaning of their summaries', async () => {
  const user = await app.newUser()
  await user.hook(UPLOADED, 'auto_summarize', { hook_config: { max_length: 200 } })
  const lines = [
    'The reactor was shut down on Monday after a pump had failed.',
    'Engineers replaced the pump within two days.',
  ]
  await upload(user, [file(pdf([lines]), 'incident.pdf', 'application/pdf')])
  await upload(user, [
    file(
      Buffer.from(docx(paragraph('The bakery sells rye bread and cinnamon rolls every morning.'))),
      'menu.docx',
      DOCX,
    ),
  ])
  expect((await user.runs()).map(({ status, result }) => [status, (result as { type: string }).type])).toEqual([
    ['succeeded', 'pdf'],
    ['succeeded', 'docx'],
  ])
  const find = async (query: string) => (await user.post(`${user.database}/files/search`, { query })).body.results
  expect((await find('pump'))[0]).toMatchObject({ file_name: 'incident.pdf' })
  expect((await find('pastries for breakfast'))[0]).toMatchObject({ file_name: 'menu.docx' })
  expect((await find('pump'))[0].summary).toContain('pump')
})

test.each([
  ['json', 'a.json', '{"city": "Troms\\u00f8", "id": 9007199254740993}', 'city: Tromsø id: 9007199254740993'],
  [
    'csv',
    'a.csv',
    'sep=;\rname;city;year\rAda;;1815\rlin;Oslo;',
    'name, city, year name: Ada, city:, year: 1815 name: lin, city: Oslo, year:',
  ],
  [
    'html',
    'a.html',
    '<table><tr><td>Tea</td><td></td><td>2</td></tr><tr><td>milk</td><td>large</td><td>3</td></tr></table><p hidden>never</p>',
    'Tea\t\t2\nmilk\tlarge\t3',
  ],
  ['markdown', 'a.md', '---\nlayout: post\n---\nThe lease ends in June.', 'The lease ends in June.'],
  ['xml', 'a.svg', '<svg xmlns="x"><title>Sales of the year</title><path d="M0 0"/></svg>', 'Sales of the year'],
])('C: the summary of a %s file contains its words, and no markup', async (type, name, content, summary) => {
  const user = await app.newUser()
  await user.hook(UPLOADED, 'auto_summarize')
  const { file_id } = (await upload(user, [file(content, name, 'application/octet-stream')])).body
  expect(await user.runs()).toMatchObject([{ status: 'succeeded', result: { summarized: true, type } }])
  expect((await user.get(`${user.database}/files/${file_id}`)).body.summary).toBe(summary)
  expect(await user.trail()).toEqual({ events: [UPLOADED], runs: ['auto_summarize succeeded'] })
})

test('C: an rtf document, a book and an e-mail are refused with the name of their format', async () => {
  const user = await app.newUser()
  await user.hook(UPLOADED, 'auto_summarize')
  await upload(user, [file('{\\rtf1 Hello}', 'a.rtf', 'application/rtf')])
  await upload(user, [file('From: a@example.com\n\nSGVsbG8=', 'a.eml', 'message/rfc822')])
  const refused = (name: string) => ({ status: 'dead', attempts: 1, error: { message: expect.stringContaining(name) } })
  expect(await user.runs()).toMatchObject([refused('it is an rtf document'), refused('it is an e-mail message')])
  const trail = await user.trail()
  // A run can die before or after the next upload.
  expect({ ...trail, events: trail.events.sort() }).toEqual({
    events: [UPLOADED, UPLOADED, 'zerodb.run.dead', 'zerodb.run.dead'],
    runs: Array(2).fill('auto_summarize dead'),
  })
})

test('auto_summarize on a vector summarises its document, until the document changes', async () => {
  const user = await app.newUser()
  await user.hook('zerodb.vector.stored', 'auto_summarize', { hook_config: { max_length: 120 } })
  const store = (document: string) =>
    user.post(`${user.database}/vectors/upsert`, { vector_id: 'v', vector_embedding: [1, 0], document })
  await store(STORY)
  expect(await user.runs()).toMatchObject([{ status: 'succeeded', result: { summarized: true, type: 'document' } }])
  const { summary } = (await user.get(`${user.database}/vectors/v`)).body
  expect(summary.length).toBeLessThanOrEqual(120)
  expect((await store(STORY)).body.summary).toBe(summary)
  expect((await store('Something else altogether.')).body.summary).toBe(null)
})

test('a file that has no content, or was deleted before the run, has nothing to summarise', async () => {
  const user = await app.newUser()
  await user.hook(UPLOADED, 'auto_summarize')
  await user.post(`${user.database}/files`, { file_name: 'elsewhere.txt', content_type: 'text/plain' })
  expect(await user.runs()).toMatchObject([
    { status: 'succeeded', result: { summarized: false, reason: 'the file was registered without content' } },
  ])
})
