import { text } from 'node:stream/consumers'
import { pino } from 'pino'
import { bubblewrap } from '../../src/sandbox/bubblewrap/index.ts'
import type { Program } from '../../src/sandbox/index.ts'
import { ALL_PROTECTIONS, type Protections, protectionsWithout } from '../../src/sandbox/protections.ts'

// A server for one guest: runs the program that it reads from stdin, prints the output of the program, and waits to be killed.

const { off, program } = JSON.parse(await text(process.stdin)) as { off: (keyof Protections)[]; program: Program }
const protections = off.length === 0 ? ALL_PROTECTIONS : protectionsWithout(...off)
const driver = bubblewrap({ concurrency: 2, log: pino({ level: 'silent' }), protections })
const { status, error } = await driver.call({
  program,
  mode: 'script',
  input: {},
  timeout_seconds: 60,
  output_limit_bytes: 1_000,
  onLog: ({ text }) => console.log(text),
})
console.log(`the program ended with ${status}: ${error?.message}`)
