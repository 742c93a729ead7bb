import { inspect } from 'node:util'
import { pino } from 'pino'
import { bubblewrap } from '../../src/sandbox/bubblewrap/index.ts'
import { CASES, CONCURRENCY } from './sandbox-cases.ts'

// Runs the contract in this process, as any user, and prints what each case threw, or null, as JSON.
const driver = bubblewrap({ concurrency: CONCURRENCY, log: pino({ level: 'silent' }) })
const results: Record<string, string | null> = { report: JSON.stringify(await driver.ready()) }
for (const { name, run } of CASES)
  results[name] = await run(driver).then(
    () => null,
    (error) => inspect(error),
  )
await driver.close()
console.log(JSON.stringify(results))
