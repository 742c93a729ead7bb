import { existsSync, readFileSync } from 'node:fs'
import { type Backend, log, type Measurement, median, milliseconds, newPlace, pause, startProgram } from './support.ts'

// Time from the start of the built program to "Ready", and its memory when idle.

const ROUNDS = 7
const SETTLE_MS = 3_000

export async function start(backend: Backend): Promise<Measurement[]> {
  log(`start: ${ROUNDS} rounds with an empty data directory, and again with existing data`)
  const empty: number[] = []
  const existing: number[] = []
  const memory: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const place = await newPlace(backend)
    const first = await startProgram(place.env)
    empty.push(first.readyMs)
    await first.stop()
    const second = await startProgram(place.env)
    existing.push(second.readyMs)
    const resident = round < 3 ? await residentMegabytes(second.process.pid!) : null
    if (resident !== null) memory.push(resident)
    await second.stop()
    await place.remove()
  }
  const measurements = [
    { row: 'start.empty', value: median(empty) / 1000, ours: milliseconds(median(empty)) },
    { row: 'start.existing', value: median(existing) / 1000, ours: milliseconds(median(existing)) },
  ]
  if (memory.length > 0)
    measurements.push({ row: 'start.memory', value: median(memory), ours: `${Math.round(median(memory))} MB` })
  return measurements
}

/** Returns the resident memory, or null if the system does not report it. */
async function residentMegabytes(pid: number): Promise<number | null> {
  await pause(SETTLE_MS)
  const path = `/proc/${pid}/status`
  if (!existsSync(path)) return null
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(path, 'utf8'))?.[1]
  return kilobytes === undefined ? null : Number(kilobytes) / 1024
}
