#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { tooOld } from '../platform/node-version.mjs'
import { packageRoot } from '../platform/package.ts'

// Loaded dynamically because an old Node.js cannot parse the rest of the program.
const { engines } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'))
const problem = tooOld(engines.node)
if (problem === null) void import('./main.ts')
else {
  console.error(problem)
  process.exitCode = 1
}
