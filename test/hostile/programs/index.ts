import type { HostileProgram } from '../program.ts'
import { after } from './after.ts'
import { crash } from './crash.ts'
import { env } from './env.ts'
import { forgery } from './forgery.ts'
import { fs } from './fs.ts'
import { info } from './info.ts'
import { inject } from './inject.ts'
import { kernel } from './kernel.ts'
import { net } from './net.ts'
import { output } from './output.ts'
import { proxy } from './proxy.ts'
import { resources } from './resources.ts'
import { server } from './server.ts'
import { tenants } from './tenants.ts'
import { time } from './time.ts'

export const PROGRAMS: readonly HostileProgram[] = [
  ...env,
  ...fs,
  ...net,
  ...proxy,
  ...inject,
  ...kernel,
  ...time,
  ...resources,
  ...output,
  ...forgery,
  ...crash,
  ...after,
  ...info,
  ...tenants,
  ...server,
]
