import { pino } from 'pino'
import { bubblewrap } from '../../src/sandbox/bubblewrap/index.ts'
import { startFramework } from '../framework.ts'
import type { Measurement } from '../support.ts'
import { throughApi } from './api.ts'
import { besideForkBomb, kills, manyWarm } from './neighbours.ts'
import { cold, fresh } from './starts.ts'
import { CONCURRENCY } from './support.ts'
import { trivial, work } from './warm.ts'

// The sandbox without HTTP, and POST /api/v1/sandbox/execute. The baselines, in the same run and with the same load generator, are
// @google-cloud/functions-framework with the same handlers over HTTP without isolation, and a new Node process for each call. functions.ts
// measures functions over HTTP. The specified figures (18 ms, 112/s) are from other hardware with a microVM and are therefore not comparable.

const FRAMEWORK = {
  trivial: '(request, response) => response.json({ hello: request.query.name })',
  work: '(request, response) => { const end = performance.now() + 1; while (performance.now() < end); response.json(1) }',
}

export async function sandbox(): Promise<Measurement[]> {
  const driver = bubblewrap({ concurrency: CONCURRENCY, log: pino({ level: 'error' }) })
  const { runtimes } = await driver.ready()
  for (const [runtime, found] of Object.entries(runtimes))
    if (!found.available) throw new Error(`${runtime}: ${found.cause}. ${found.remedy}`)
  const frameworks = { trivial: await startFramework(FRAMEWORK.trivial), work: await startFramework(FRAMEWORK.work) }
  try {
    const rows: Measurement[] = []
    for (const callers of [1, 20, 100]) rows.push(...(await trivial(driver, frameworks.trivial.pool, callers)))
    rows.push(...(await work(driver, frameworks.work.pool)))
    rows.push(...(await cold(driver)))
    rows.push(...(await fresh(driver)))
    rows.push(...(await kills(driver)))
    rows.push(await besideForkBomb(driver))
    rows.push(...(await manyWarm(driver, frameworks.trivial.pid)))
    rows.push(...(await throughApi()))
    return rows
  } finally {
    for (const framework of Object.values(frameworks)) await framework.stop()
    await driver.close()
  }
}
