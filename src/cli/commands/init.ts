import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { Command } from 'commander'
import pc from 'picocolors'
import { packageRoot, packageVersion } from '../../platform/package.ts'
import { UsageError } from '../lib/failure.ts'
import { print } from '../lib/output.ts'
import { TEMPLATES } from '../lib/templates.ts'

/** Returns the files that give editors the types. If this package is not installed but runs from a clone, they point there. */
function editorFiles(): Record<string, string> {
  const root = packageRoot()
  const isInstalled = root.split(sep).includes('node_modules')
  const types = ['dist/client/functions.d.ts', 'src/client/functions.ts'].find((path) => existsSync(join(root, path)))
  const paths =
    isInstalled || types === undefined ? {} : { paths: { 'zerodb-functions/functions': [join(root, types)] } }
  const json = (value: object) => `${JSON.stringify(value, null, 2)}\n`
  return {
    'package.json': json({
      name: '{{name}}',
      private: true,
      type: 'module',
      ...(isInstalled ? { devDependencies: { 'zerodb-functions': packageVersion() } } : {}),
    }),
    'tsconfig.json': json({
      compilerOptions: {
        target: 'es2023',
        lib: ['es2024', 'dom', 'dom.asynciterable', 'dom.iterable'],
        module: 'esnext',
        moduleResolution: 'bundler',
        allowImportingTsExtensions: true,
        strict: true,
        noEmit: true,
        skipLibCheck: true,
        types: [],
        ...paths,
      },
      include: ['functions'],
    }),
  }
}

export const init = new Command('init')
  .description('create a project with an example function')
  .argument('[folder]', 'folder of the project', '.')
  .option('--template <name>', `one of ${Object.keys(TEMPLATES).join(', ')}`, 'typescript')
  .option('--json', 'print JSON')
  .action(async (folder: string, { template, json }: { template: string; json?: boolean }) => {
    const files = TEMPLATES[template]
    if (!files) throw new UsageError(`Unknown template "${template}": use one of ${Object.keys(TEMPLATES).join(', ')}`)
    const root = resolve(folder)
    const written: string[] = []
    for (const [path, text] of Object.entries({ ...files, ...(template === 'typescript' ? editorFiles() : {}) })) {
      const file = join(root, path)
      // Existing files are never overwritten.
      if (existsSync(file)) continue
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, text.replaceAll('{{name}}', basename(root)))
      written.push(path)
    }
    if (json) return print(JSON.stringify({ folder: root, written }))
    const target = relative('.', root)
    print(
      [...written.map((path) => `${pc.green('+')} ${path}`), written.length === 0 ? 'All files exist already' : '']
        .filter(Boolean)
        .join('\n'),
    )
    const steps = [
      target === '' ? null : `cd ${target}`,
      'zerodb dev            # starts a server if none runs, and deploys changes',
      'zerodb invoke hello -d \'{"name": "Maria"}\'',
    ]
    print(
      `\nNext:\n${steps
        .filter(Boolean)
        .map((step) => `  ${step}`)
        .join('\n')}`,
    )
  })
