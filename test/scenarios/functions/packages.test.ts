import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { asWheel, type TestWheel, wheelOf, zipOf } from '../../support/wheels.ts'

const FUNCTIONS = '/api/v1/functions'
const PACKAGES = '/api/v1/packages'

let app: TestApp
let user: TestUser
beforeAll(async () => {
  app = await openTestApp()
  user = await app.newUser()
})
afterAll(() => app.close())

const upload = (wheel: TestWheel, by = user) =>
  by.post(PACKAGES, { file_name: wheel.file_name, file_content: wheel.bytes.toString('base64') })

/** Returns a multipart body with one file. */
function form(name: string, bytes: Buffer): { payload: Buffer; headers: Record<string, string> } {
  const head = `--b\r\ncontent-disposition: form-data; name="file"; filename="${name}"\r\n\r\n`
  const payload = Buffer.concat([Buffer.from(head), bytes, Buffer.from('\r\n--b--\r\n')])
  return { payload, headers: { 'content-type': 'multipart/form-data; boundary=b' } }
}

async function uploadAll(wheels: readonly TestWheel[], by = user): Promise<void> {
  for (const wheel of wheels) expect((await upload(wheel, by)).status).toBe(201)
}

const locked = (wheels: readonly TestWheel[]) => wheels.map(({ file_name, sha256 }) => ({ file_name, sha256 }))

const deploy = (name: string, source: string, wheels: readonly TestWheel[], more: object = {}, by = user) =>
  by.post(FUNCTIONS, { name, runtime: 'python', source, packages: locked(wheels), ...more })

async function call(name: string, payload: unknown = null, by = user): Promise<unknown> {
  const { body } = await by.post(`${FUNCTIONS}/${name}/invoke`, { payload })
  expect(body).toMatchObject({ status: 'succeeded' })
  return body.result
}

const greetings = (version: string) =>
  wheelOf('greetings', version, {
    'greetings/__init__.py': `import texts\ndef greet(name): return texts.upper(f"hello {name} from ${version}")\n`,
    'greetings/data.txt': 'data',
  })
const texts = wheelOf('texts', '2.0', { 'texts.py': 'def upper(text): return text.upper()\n' })
const GREET = 'import greetings\ndef handler(event, ctx):\n    return greetings.greet(event["data"])\n'

test('a Python function imports its packages, which are pinned by version: a rollback brings the old ones back', async () => {
  const [one, two] = [greetings('1.0'), greetings('1.1')]
  await uploadAll([one, two, texts])
  const first = await deploy('greet', GREET, [one, texts])
  expect(first.status).toBe(201)
  expect(first.body).toMatchObject({
    version: 1,
    packages: [
      { name: 'greetings', version: '1.0', file_name: one.file_name, sha256: one.sha256, size_bytes: one.bytes.length },
      {
        name: 'texts',
        version: '2.0',
        file_name: texts.file_name,
        sha256: texts.sha256,
        size_bytes: texts.bytes.length,
      },
    ],
    package_changes: [
      { name: 'greetings', from: null, to: '1.0' },
      { name: 'texts', from: null, to: '2.0' },
    ],
  })
  expect(await call('greet', 'you')).toBe('HELLO YOU FROM 1.0')
  expect((await deploy('greet', GREET, [texts, one])).body).toMatchObject({ changed: false, package_changes: [] })

  const second = await deploy('greet', GREET, [two, texts])
  expect(second.body).toMatchObject({ version: 2, package_changes: [{ name: 'greetings', from: '1.0', to: '1.1' }] })
  expect(await call('greet', 'you')).toBe('HELLO YOU FROM 1.1')
  expect((await user.get(`${FUNCTIONS}/greet/diff`)).body).toMatchObject({
    files: [],
    packages: [{ name: 'greetings', from: '1.0', to: '1.1' }],
  })
  expect((await user.post(`${FUNCTIONS}/greet/rollback`)).body).toMatchObject({
    version: 1,
    package_changes: [{ name: 'greetings', from: '1.1', to: '1.0' }],
  })
  expect(await call('greet', 'you')).toBe('HELLO YOU FROM 1.0')
})

test('packages are read-only, come after the files of the function, and have their metadata', async () => {
  const wheel = wheelOf('tools', '1.0', {
    'tools.py': 'where = "package"\n',
    'json.py': 'raise ImportError("the standard library comes first")\n',
    'own.py': 'where = "package"\n',
    'tools-1.0.data/purelib/inner.py': 'where = "purelib"\n',
    'tools-1.0.data/scripts/tools': '#!/bin/sh\n',
    'tools.pth': 'import sys; sys.exit("never executed")\n',
  })
  await uploadAll([wheel])
  const source = `import importlib.metadata, json, os, inner, own, tools
def handler(event, ctx):
    folder = os.path.dirname(tools.__file__)
    errors = []
    for path in (folder + "/new", tools.__file__):
        try:
            open(path, "a")
        except OSError as error:
            errors.append(type(error).__name__)
    return [own.where, tools.where, inner.where, importlib.metadata.version("tools"), errors, os.path.exists(folder + "/tools")]
`
  const files = { 'main.py': source, 'own.py': 'where = "file"\n' }
  const reply = await user.post(FUNCTIONS, { name: 'tools', runtime: 'python', files, packages: locked([wheel]) })
  expect(reply.status).toBe(201)
  // Without isolation the function has the permissions of the server.
  const isIsolated = app.system.app.sandbox.report.isolation !== 'none'
  expect(await call('tools')).toEqual([
    'file',
    'package',
    'purelib',
    '1.0',
    isIsolated ? [expect.any(String), expect.any(String)] : [],
    false,
  ])
})

test('a dry run checks packages and stores no version; a package that cannot be imported is an error with its place', async () => {
  const needy = wheelOf('needy', '1.0', { 'needy.py': 'import missing_package\n' })
  await uploadAll([needy])
  const refused = await deploy('needy', 'import needy\ndef handler(event, ctx): pass', [needy])
  expect(refused).toMatchObject({
    status: 422,
    body: { detail: [{ msg: expect.stringContaining("No module named 'missing_package'") }] },
  })
  await uploadAll([greetings('3.0'), texts])
  expect((await deploy('dry', GREET, [greetings('3.0'), texts], { dry_run: true })).body).toMatchObject({
    dry_run: true,
    package_changes: [
      { name: 'greetings', from: null, to: '3.0' },
      { name: 'texts', from: null, to: '2.0' },
    ],
  })
  expect((await user.get(`${FUNCTIONS}/dry`)).status).toBe(404)
})

describe('refused packages', () => {
  const errorOf = async (wheels: readonly TestWheel[], more: object = {}) => {
    const { status, body } = await deploy('refused', 'def handler(event, ctx): pass', wheels, more)
    const { detail } = body
    if (typeof detail === 'string') return { status, text: detail }
    const [{ type, msg, loc }] = detail
    return { status, type, text: msg, loc }
  }

  test('a package that has not been uploaded, or has another hash, names its requirement', async () => {
    const absent = wheelOf('absent', '1.2', { 'absent.py': '' })
    expect(await errorOf([absent])).toEqual({
      status: 422,
      type: 'package_missing',
      loc: ['body', 'packages', 0],
      text: `absent 1.2: absent-1.2-py3-none-any.whl with the SHA-256 ${absent.sha256} has not been uploaded to this project: send it to /api/v1/packages`,
    })
    await uploadAll([texts])
    const other = { ...texts, sha256: createHash('sha256').update('other').digest('hex') }
    expect((await errorOf([other])).text).toBe(
      `texts 2.0: texts-2.0-py3-none-any.whl was uploaded with the SHA-256 ${texts.sha256}, which differs from ${other.sha256}: upload the wheel with that hash`,
    )
    expect((await errorOf([{ ...texts, file_name: 'texts-2.1-py3-none-any.whl' }])).text).toBe(
      `texts 2.1: the content with the SHA-256 ${texts.sha256} was uploaded as texts-2.0-py3-none-any.whl`,
    )
  })

  test.each([
    ['cp311-cp311-win_amd64', 'is for win_amd64; this server runs'],
    ['cp27-cp27m-any', 'is for cp27 with ABI cp27m; this server runs Python'],
    ['cp399-abi3-any', 'is for cp399 with ABI abi3; this server runs Python'],
    ['py2-none-any', 'is for py2 with ABI none; this server runs Python'],
    ['cp311-cp311-manylinux_2_999_x86_64', 'is for manylinux_2_999_x86_64; this server runs'],
  ])('a wheel for another interpreter (%s)', async (tags, text) => {
    const wheel = wheelOf('native', '1.0', { 'native.py': '' }, { tags })
    await uploadAll([wheel])
    expect(await errorOf([wheel])).toMatchObject({ status: 422, text: expect.stringContaining(text) })
  })

  test('a package twice, and packages of a function in JavaScript', async () => {
    const [one, two] = [greetings('1.0'), greetings('1.1')]
    await uploadAll([one, two])
    expect(await errorOf([one, two])).toMatchObject({ status: 422, text: expect.stringContaining('is listed twice') })
    const script = { runtime: 'nodejs', source: 'export default () => 1' }
    expect(await errorOf([one], script)).toMatchObject({
      status: 422,
      text: 'packages: only Python functions have them; JavaScript packages are bundled',
    })
  })

  test('packages of another user count as missing', async () => {
    const wheel = wheelOf('private', '1.0', { 'private.py': '' })
    await uploadAll([wheel], await app.newUser())
    expect(await errorOf([wheel])).toMatchObject({ status: 422, type: 'package_missing' })
  })
})

describe('uploads', () => {
  const { file_name } = texts
  const info = { 'texts-2.0.dist-info/METADATA': 'Name: texts\nVersion: 2.0\n' }
  const patched = (bytes: Buffer, find: string, by: string) =>
    Buffer.from(bytes.toString('latin1').replaceAll(find, by), 'latin1')
  /** Changes a field of the first entry in the directory of a zip archive. */
  const withEntry = (bytes: Buffer, change: (at: number) => void) => {
    change(bytes.indexOf(Buffer.from('PK\x01\x02', 'latin1')))
    return bytes
  }

  test.each<[string, string, () => Buffer]>([
    ['no archive', 'it is not a zip archive', () => Buffer.from('no archive')],
    ['no wheel', 'it is not a wheel', () => zipOf({ 'texts.py': '' })],
    ['another package', 'differs from its file name', () => zipOf({ 'other-2.0.dist-info/METADATA': '' })],
    ['a path out of the folder', 'leads out of its folder', () => zipOf({ ...info, '../texts.py': '' })],
    ['an absolute path', 'leads out of its folder', () => zipOf({ ...info, '/etc/passwd': '' })],
    [
      'a path out of data',
      'leads out of its folder',
      () => zipOf({ ...info, 'texts-2.0.data/purelib/../../../x': '' }),
    ],
    ['a Windows path', 'leads out of its folder', () => zipOf({ ...info, 'a\\b': '' })],
    ['a path twice', 'two files "aaaa"', () => patched(zipOf({ aaaa: '1', bbbb: '2', ...info }), 'bbbb', 'aaaa')],
    ['a file as folder', 'both a file and a folder', () => zipOf({ 'a/b': '', ...info, a: '' })],
    [
      'a link',
      'is a link or a special file',
      () => {
        const bytes = zipOf({ link: '/etc/passwd', ...info })
        return withEntry(bytes, (at) => bytes.writeUInt32LE(0o120777 * 65_536, at + 38))
      },
    ],
    [
      'an encrypted file',
      'is encrypted',
      () => {
        const bytes = zipOf({ secret: 'x', ...info })
        return withEntry(bytes, (at) => bytes.writeUInt16LE(1, at + 8))
      },
    ],
    [
      'a file that says to be huge',
      'when it is unpacked; at most 400 MB are allowed',
      () => {
        const bytes = zipOf({ bomb: 'x', ...info })
        return withEntry(bytes, (at) => bytes.writeUInt32LE(0xfffffff0, at + 24))
      },
    ],
    [
      'too many files',
      'at most 20000 are allowed',
      () => zipOf({ ...Object.fromEntries(Array.from({ length: 20_001 }, (_, i) => [`f${i}`, ''])), ...info }),
    ],
  ])('refuse %s', async (_, text, bytes) => {
    const reply = await upload(asWheel(file_name, bytes()))
    expect(reply).toMatchObject({ status: 422, body: { code: 'invalid' } })
    expect(reply.body.detail).toContain(text)
  })

  test('a file that is larger than its directory says is refused when it is unpacked', async () => {
    const bytes = zipOf({ 'bomb.py': Buffer.alloc(1_000_000), 'bomb-1.0.dist-info/METADATA': '' })
    const bomb = asWheel(
      'bomb-1.0-py3-none-any.whl',
      withEntry(bytes, (at) => bytes.writeUInt32LE(10, at + 24)),
    )
    await uploadAll([bomb])
    expect(await deploy('bomb', 'import bomb\ndef handler(event, ctx): pass', [bomb])).toMatchObject({
      status: 422,
      body: { detail: 'The package bomb 1.0 (bomb-1.0-py3-none-any.whl) cannot be unpacked: "bomb.py" is damaged' },
    })
  })

  test('multipart: the file part is the wheel, and its name is the file name', async () => {
    const expected = { name: 'texts', version: '2.0', file_name, sha256: texts.sha256, size_bytes: texts.bytes.length }
    expect(await user.request('POST', PACKAGES, form(texts.file_name, texts.bytes))).toMatchObject({
      status: 201,
      body: expected,
    })
    expect(await user.request('POST', PACKAGES, form('texts.tar.gz', Buffer.from('x')))).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ['body', 'file_name'] }] },
    })
    expect((await user.post(PACKAGES, { file_name })).body.detail[0].loc).toEqual(['body', 'file_content'])
    expect((await user.post(PACKAGES, { file_content: '' })).body.detail[0].loc).toEqual(['body', 'file_name'])
  })
})

test('the target says which wheels fit', async () => {
  const { status, body } = await user.get(`${PACKAGES}/target`)
  expect(status).toBe(200)
  expect(body).toMatchObject({ python_version: expect.stringMatching(/^3\.\d+\.\d+/), max_packages: 200 })
  const minor = body.python_version.split('.')[1]
  expect(body.python_tags).toEqual(expect.arrayContaining([`cp3${minor}`, `py3${minor}`, 'py3']))
  expect(body.abi_tags).toEqual([`cp3${minor}`, 'abi3', 'none'])
  expect(body.platform_tags).toContain('any')
})

test('a function that lists requirements without packages is deployed with a warning', async () => {
  const files = { 'main.py': 'def handler(event, ctx): return 1', 'requirements.txt': '# tools\nrequests==2.32.3\n' }
  expect((await user.post(FUNCTIONS, { name: 'lists', runtime: 'python', files })).body.warnings).toEqual([
    'requirements.txt lists packages, but the deployment has none: "zerodb deploy" downloads and sends them',
  ])
})

test('an export of a project has its packages', async () => {
  const source = await app.newUser()
  const wheels = [greetings('1.0'), texts]
  await uploadAll(wheels, source)
  expect((await deploy('greet', GREET, wheels, {}, source)).status).toBe(201)
  const file = (await source.get(`/api/v1/projects/${source.project_id}/export`)).raw
  const target = await app.newUser()
  const imported = await target.request('POST', '/api/v1/projects/import', form('project.jsonl', file))
  expect(imported).toMatchObject({ status: 201, body: { counts: { wheels: 2, functions: 1 } } })
  const { body } = await target.post(`${FUNCTIONS}/greet/invoke`, {
    project_id: imported.body.project_id,
    payload: 'you',
  })
  expect(body).toMatchObject({ status: 'succeeded', result: 'HELLO YOU FROM 1.0' })
})

test('an unused wheel is deleted after a day; one that a version uses stays', async () => {
  const [used, unused] = [wheelOf('used', '1.0', { 'used.py': '' }), wheelOf('unused', '1.0', { 'unused.py': '' })]
  await uploadAll([used, unused])
  expect((await deploy('uses', 'import used\ndef handler(event, ctx): return 1', [used])).status).toBe(201)
  const left = async () =>
    (await app.system.app.store.wheels.find(user, [used.sha256, unused.sha256], []))
      .map(({ file_name }) => file_name)
      .sort()
  await app.system.app.store.wheels.removeUnused(3_600)
  expect(await left()).toEqual([unused.file_name, used.file_name].sort())
  await app.system.app.store.wheels.removeUnused(0)
  expect(await left()).toEqual([used.file_name])
})
