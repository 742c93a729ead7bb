import { build } from '../../scripts/build.mjs'

/** Builds worker threads, migrations and the database template, so that a test run uses those of the current source. */
export default async function setup(): Promise<void> {
  await build()
}
