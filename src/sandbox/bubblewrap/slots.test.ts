import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { place } from '../../platform/processes.ts'
import { type Remains, takeSlot } from './slots.ts'

const UNUSED_PID = 2 ** 22 + 1

async function folderWithDead(...numbers: number[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'zerodb-slots-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  for (const number of numbers) {
    const path = join(folder, 'slots', String(number))
    await mkdir(path, { recursive: true })
    const owner = { pid: UNUSED_PID, started: null, place: place(), groups: [`group-${number}`] }
    await writeFile(join(path, 'owner'), JSON.stringify(owner))
  }
  return folder
}

test('the remains of dead supervisors are removed from all slots, and their slots become free', async () => {
  const folder = await folderWithDead(1, 5)
  const removed: Remains[] = []
  const remove = async (remains: Remains) => void removed.push(remains)
  const first = await takeSlot(folder, remove)
  expect(first.number).toBe(0)
  expect(removed.map(({ groups }) => groups)).toEqual([['group-1'], ['group-5']])
  expect(new Set(removed.map(({ firstUid }) => firstUid)).size).toBe(2)
  expect((await takeSlot(folder, remove)).number).toBe(1)
  expect(removed).toHaveLength(2)
  await first.release()
  expect((await takeSlot(folder, remove)).number).toBe(0)
})

test('of many supervisors that start at once, one removes the remains, and none takes the slot before', async () => {
  const folder = await folderWithDead(0)
  let removals = 0
  const slots = await Promise.all(
    Array.from({ length: 20 }, () =>
      takeSlot(folder, async () => {
        removals++
        await setTimeout(100)
        expect(existsSync(join(folder, 'slots', '0', 'owner'))).toBe(true)
      }),
    ),
  )
  expect(removals).toBe(1)
  expect(slots.map(({ number }) => number).sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n))
})

test('if a supervisor dies during a removal, another one completes it', async () => {
  const folder = await folderWithDead(0)
  const claim = join(folder, 'slots', '0', 'removing')
  await mkdir(claim)
  let removals = 0
  const remove = async () => void removals++
  expect((await takeSlot(folder, remove)).number).toBe(1)
  expect(removals).toBe(0)
  const longAgo = new Date(Date.now() - 3_600_000)
  await utimes(claim, longAgo, longAgo)
  expect((await takeSlot(folder, remove)).number).toBe(0)
  expect(removals).toBe(1)
})
