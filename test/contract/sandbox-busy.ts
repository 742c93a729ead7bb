import { readdirSync, readFileSync } from 'node:fs'
import { pino } from 'pino'
import { bubblewrap } from '../../src/sandbox/bubblewrap/index.ts'
import { callOf, NODE, programOf } from '../support/guests.ts'

// Prints the processes and control groups of its guest as one line of JSON, and keeps the guest computing until it is killed.
const driver = bubblewrap({ concurrency: 1, log: pino({ level: 'silent' }) })
await driver.ready()
await driver.call(
  callOf(programOf(NODE, 'console.log("here"); export default () => { for (;;); }'), {
    timeout_seconds: 120,
    onLog() {
      const own = readdirSync('/proc').flatMap((name) => {
        if (!/^\d+$/.test(name)) return []
        try {
          const status = readFileSync(`/proc/${name}/status`, 'utf8')
          return /^PPid:\s+(\d+)/m.exec(status)?.[1] === String(process.pid) ? [{ name, status }] : []
        } catch {
          return []
        }
      })
      // Another instance can be starting, which has no interpreter yet.
      const guests = own.flatMap(({ name, status }) => {
        const uid = Number(/^Uid:\s+(\d+)/m.exec(status)![1])
        const guest = guestOf(uid)
        return guest === undefined ? [] : [{ pid: Number(name), uid, groups: groupsOf(guest) }]
      })
      console.log(JSON.stringify(guests.at(-1)))
    },
  }),
)

/** The process id of the interpreter of a user; undefined if there is none. */
function guestOf(uid: number): string | undefined {
  return readdirSync('/proc').find((name) => {
    try {
      const status = readFileSync(`/proc/${name}/status`, 'utf8')
      return /^\d+$/.test(name) && new RegExp(`^Uid:\\s+${uid}\\b`, 'm').test(status) && /^Name:\s+node/m.test(status)
    } catch {
      return false
    }
  })
}

/** The folders in which a guest is counted. */
function groupsOf(guest: string): string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
  return readFileSync(`/proc/${guest}/cgroup`, 'utf8')
    .split('\n')
    .filter((line) => line.includes('zerodb-functions-'))
    .map((line) => {
      const [, controller, path] = line.split(':') as [string, string, string]
      const mount = mounts.find(
        (each) => each.endsWith(controller === '' ? 'rw' : `,${controller}`) && / - cgroup/.test(each),
      )
      return `${mount!.split(' ')[4]}${path}`
    })
}
