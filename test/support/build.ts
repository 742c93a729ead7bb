import { build } from '../../scripts/build.mjs'

/** Worker threads, migrations and the database template are built files: every test run uses the ones of this source. */
export default async function setup(): Promise<void> {
  await build()
}
