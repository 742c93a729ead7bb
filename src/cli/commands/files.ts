import { openAsBlob, statSync } from 'node:fs'
import { basename } from 'node:path'
import { UsageError } from '../lib/failure.ts'
import { iterable, megabytes, writeWithProgress } from '../lib/file-io.ts'
import { number, object } from '../lib/parse-options.ts'
import { ask, remote, type Session } from '../lib/remote.ts'
import { columns, deleted, group, type Input, inputOf, limited, shown, skippable, verb } from '../lib/verb.ts'

const file = columns('file_id', 'size_bytes', 'created_at', 'file_name')

const upload = remote('upload', 'store a file')
  .argument('<path>')
  .option('--file-name <name>', 'name to store it under, if not its own')
  .option('--folder <folder>', 'folder to store it in')
  .option('--content-type <type>', 'media type, e.g. image/png')
  .option('--file-metadata <json>', 'metadata', object)
  .action(
    ask(async ({ zerodb, print }: Session, path: string, options: Input) => {
      if (!statSync(path, { throwIfNoEntry: false })?.isFile()) throw new UsageError(`${path} is not a file`)
      const content = await openAsBlob(path)
      const stored = await zerodb.files.upload({ file_name: basename(path), ...inputOf(options), content })
      print(stored, () => `Stored ${stored.file_name} as ${stored.file_id}`)
    }),
  )

const download = remote('download', 'download a stored file')
  .argument('<file_id>')
  .option('-o, --output <path>', 'path to write to, - for standard output; the name of the file if not given')
  .action(
    ask(async ({ zerodb, json: isJson, print }: Session, file_id: string, { output }: { output?: string }) => {
      const found = await zerodb.files.download({ file_id })
      if (output === '-') {
        for await (const chunk of iterable(found.stream)) process.stdout.write(chunk)
        return
      }
      // The uploader chose the name: it must not lead into another folder.
      const path = output ?? basename(found.file_name)
      const bytes = await writeWithProgress(path, iterable(found.stream), 'downloaded', isJson)
      print({ file: path, bytes }, () => `Downloaded ${path}, ${megabytes(bytes)}`)
    }),
  )

export const files = group('files', 'stored files, searched by their names and summaries', [
  upload,
  download,
  verb('files', 'list', 'list files, newest first', {
    options: (command) => skippable(command).option('--folder <folder>', 'only in this folder'),
    words: (items: Input[]) => file(items, 'No files. Store one: zerodb files upload PATH'),
  }),
  verb('files', 'search', 'find the files whose names or summaries are relevant to a text', {
    args: ['query'],
    options: (command) => limited(command).option('--folder <folder>', 'only in this folder'),
    words: ({ results }: { results: Input[] }) =>
      columns('file_id', 'score', 'file_name', 'summary')(results, 'No similar files'),
  }),
  verb('files', 'get', 'show a file, without its content', { args: ['file_id'], words: shown }),
  verb('files', 'update', 'change the metadata of a file', {
    args: ['file_id'],
    options: (command) =>
      command
        .option('--file-key <key>', 'new key')
        .option('--file-name <name>', 'new name')
        .option('--folder <folder>', 'new folder')
        .option('--content-type <type>', 'media type, e.g. image/png')
        .option('--file-metadata <json>', 'metadata that replaces the old metadata', object),
    words: shown,
  }),
  verb('files', 'presign', 'create a URL that downloads a file without a key', {
    args: ['file_id'],
    options: (command) =>
      command.option('--expires-in <seconds>', 'seconds until it expires; 3600 if not given', number),
    words: ({ url }: { url: string }) => url,
  }),
  verb('files', 'presign-upload', 'create a URL that uploads a file without a key, once', {
    args: ['file_name'],
    options: (command) =>
      command
        .option('--content-type <type>', 'media type that the upload must have, e.g. image/png')
        .option('--folder <folder>', 'folder to list the file in')
        .option('--max-bytes <bytes>', 'maximum size of the content', number)
        .option('--expires-in <seconds>', 'seconds until it expires; 3600 if not given', number),
    words: ({ url }: { url: string }) => url,
  }),
  verb('files', 'delete', 'delete a file', {
    args: ['file_id'],
    question: ({ file_id }) => `Delete the file ${file_id}?`,
    words: deleted('file', 'file_id'),
  }),
])
