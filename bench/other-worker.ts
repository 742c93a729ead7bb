import { sharedClock } from './other-process.ts'
import { addHandlers, openBench } from './support.ts'

// The worker process of other-process.ts: executes runs and reports when each of them starts.

const bench = await openBench('postgres', { env: JSON.parse(process.argv[2]!), remove: async () => {} })
addHandlers(1, () => process.send!(sharedClock()))
await bench.startEngine()
process.send!('ready')
process.once('message', () => void bench.close().then(() => process.disconnect()))
