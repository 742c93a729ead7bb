#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { tooOld } from '../platform/node-version.mjs'
import { packageRoot } from '../platform/package.ts'

// An old Node cannot even read the rest: it is imported only by one that can.
const { engines } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'))
const refusal = tooOld(engines.node)
if (refusal === null) void import('./main.ts')
else {
  console.error(refusal)
  process.exitCode = 1
}
