import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'

// The steps of the specification’s examples in other words, so the test needs no file from elsewhere.

describe('a new user tries hooks, memory and graph', () => {
  let app: TestApp
  let user: TestUser
  let hookId: string
  beforeAll(async () => {
    app = await openTestApp()
    user = await app.newUser()
  })
  afterAll(() => app.close())

  test('a hook that builds the graph is created for all projects', async () => {
    const reply = await user.post('/api/v1/hooks', {
      event_type: 'zeromemory.remembered',
      hook_name: 'auto_graph',
      hook_config: { extract_entities: true, max_relations: 10 },
    })
    expect(reply.status).toBe(201)
    expect(reply.body).toMatchObject({ project_id: null, hook_type: 'first_party', is_active: true })
    hookId = reply.body.id
  })

  test('a memory is stored and its graph can be read immediately', async () => {
    const reply = await user.post('/api/v1/public/memory/v2/remember', {
      content: 'Carla joined Globex in Lisbon',
      entity_id: 'carla',
      memory_type: 'episodic',
    })
    expect(reply.status).toBe(200)
    expect(reply.body).toMatchObject({
      status: 'stored',
      content: 'Carla joined Globex in Lisbon',
      memory_type: 'episodic',
    })
    const graph = await user.get('/api/v1/public/memory/v2/graph/neighbors/carla')
    expect(graph.status).toBe(200)
    expect(graph.body.neighbors.map((neighbor: { name: string }) => neighbor.name)).toContain('Globex')
    expect(graph.body.pending).toBe(0)
  })

  test('the write is one event and one run, whose relations are events too', async () => {
    const [written, ...others] = (await user.events()).map(({ event, channel }) => ({ event, channel }))
    expect(written).toEqual({ event: 'zeromemory.remembered', channel: 'zeromemory' })
    expect(others.length).toBeGreaterThan(0)
    for (const other of others) expect(other).toEqual({ event: 'zeromemory.relation_added', channel: 'zeromemory' })
    expect(await user.runs()).toMatchObject([
      { hook_id: hookId, handler: 'auto_graph', status: 'succeeded', attempts: 1, error: null },
    ])
  })

  test('the hook is listed, disabled and deleted', async () => {
    expect((await user.get('/api/v1/hooks')).body.map((hook: { id: string }) => hook.id)).toEqual([hookId])
    expect((await user.patch(`/api/v1/hooks/${hookId}`, { is_active: false })).body.is_active).toBe(false)
    expect((await user.get('/api/v1/hooks')).body).toEqual([])
    const gone = await user.delete(`/api/v1/hooks/${hookId}`)
    expect({ status: gone.status, body: gone.body }).toEqual({ status: 204, body: '' })
    expect((await user.get(`/api/v1/hooks/${hookId}`)).status).toBe(404)
  })
})
