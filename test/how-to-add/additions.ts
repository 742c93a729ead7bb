import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Writes a new file of the copy in `root`. */
function create(root: string, path: string, text: string): void {
  writeFileSync(join(root, path), text, { flag: 'wx' })
}

/** Inserts `text` before the first occurrence of `anchor` in a file of the copy. Throws if there is none. */
function insert(root: string, path: string, anchor: string, text: string): void {
  const old = readFileSync(join(root, path), 'utf8')
  if (!old.includes(anchor)) throw new Error(`${path} has no "${anchor}"`)
  writeFileSync(
    join(root, path),
    old.replace(anchor, () => text + anchor),
  )
}

/** The event type `zerodb.note.added`, with the table that its rows are in. */
export function addEventType(root: string): void {
  insert(
    root,
    'src/schema/events.ts',
    '/**\n * Every event type',
    `export const noteAdded = defineEvent({
  name: 'zerodb.note.added',
  channel: 'zerodb',
  data: z.object({
    note_id: z.string().describe('Id of the note'),
    project_id: projectId,
    user_id: userId,
  }),
  writers: ['notes.add'],
  isStored: true,
  row: { id: 'note_id', fields: ['note_id', 'text'] },
})

`,
  )
  insert(root, 'src/schema/events.ts', '  vectorStored,\n', '  noteAdded,\n')

  const folder = 'src/db/migrations'
  const migrations = readdirSync(join(root, folder)).sort()
  const number = String(Number(migrations.at(-1)!.slice(0, 4)) + 1).padStart(4, '0')
  const rows = migrations
    .map((name) => readFileSync(join(root, folder, name), 'utf8'))
    .flatMap(
      (text) =>
        text.match(
          /create (or replace )?function zerodb_row\(event text, ref text, project uuid\)[^$]*\$\$.*?\$\$;/gs,
        ) ?? [],
    )
    .at(-1)!
  create(
    root,
    `${folder}/${number}_notes.sql`,
    `create table zerodb_notes (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references zerodb_projects on delete cascade,
  text text not null,
  created_at timestamptz not null default now()
);

${rows.replace(/^create (or replace )?/, 'create or replace ').replace(
  '    else\n',
  `    when 'zerodb.note.added' then
      return (
        select to_jsonb(r) from (
          select id as note_id, text from zerodb_notes where id = ref::uuid and project_id is not distinct from project
        ) r
      );
    else
`,
)}
`,
  )

  create(
    root,
    'src/store/data/notes.ts',
    `import { sql } from '../../db/sql.ts'
import { noteAdded } from '../../schema/events.ts'
import { type Scope, type StoreContext, userProject, write } from '../context.ts'
import { emit } from '../outbox.ts'

export function notes(context: StoreContext) {
  return {
    async add(scope: Scope, text: string): Promise<{ note_id: string }> {
      const [{ note_id }] = await write<{ note_id: string; event_seq: number }>(
        context,
        sql\`
        with stored as (
          insert into zerodb_notes (project_id, text)
          select project_id, \${text} from (\${userProject(scope)}) owner
          returning *, id::text as ref, \${scope.user_id}::uuid as user_id
        ),
        \${emit(scope, noteAdded, {
          note_id: sql\`stored.id\`,
          project_id: sql\`stored.project_id\`,
          user_id: sql\`stored.user_id\`,
        })}
        select stored.id as note_id, event.seq as event_seq from stored, event\`,
      )
      return { note_id }
    },

    async text(projectId: string, id: string): Promise<string | null> {
      const rows = await context.db.query<{ text: string }>(
        sql\`select text from zerodb_notes where id = \${id}::uuid and project_id = \${projectId}::uuid\`,
      )
      return rows[0]?.text ?? null
    },
  }
}
`,
  )
  insert(
    root,
    'src/store/index.ts',
    "import { published } from './data/published.ts'\n",
    "import { notes } from './data/notes.ts'\n",
  )
  insert(root, 'src/store/index.ts', '  published,\n', '  notes,\n')
  insert(
    root,
    'src/store/queue/event-rows.ts',
    "  'zerodb.event.published': (userId",
    `  'zerodb.note.added': (userId, mine) => sql\`
    select
      r.id as row_id, r.project_id, r.created_at as at, 0::bigint as tie,
      jsonb_build_object('note_id', r.id, 'project_id', r.project_id, 'user_id', \${userId}::uuid) as data
    from zerodb_notes r
    where \${mine}\`,

`,
  )
  insert(
    root,
    'test/support/writes.ts',
    "  'zerodb.event.published':",
    "  'zerodb.note.added': ['/notes', { text: 'a note' }],\n",
  )
  insert(
    root,
    'docs/events.md',
    '| `zerodb.vector.stored` | `zerodb` |',
    '| `zerodb.note.added` | `zerodb` | a note is added | `note_id`, `project_id`, `user_id` |\n',
  )
  insert(
    root,
    'docs/hooks.md',
    '| `zerodb.vector.batch_stored` | none',
    '| `zerodb.note.added` | `note_id`, `text` |\n',
  )
}

/** The operation `notes.add`, which writes the event. */
export function addOperation(root: string): void {
  create(
    root,
    'src/schema/note.ts',
    `import { z } from 'zod'
import { projectId } from './common.ts'

export const noteAdd = z.object({
  project_id: projectId,
  text: z.string().max(1000).describe('Text of the note'),
})
export const note = z.object({ note_id: z.string().describe('Id of the note') })
`,
  )
  create(
    root,
    'src/operations/notes.ts',
    `import { scopeOf } from '../auth/caller.ts'
import { note, noteAdd } from '../schema/note.ts'
import { defineJson } from './operation.ts'

export const notesAdd = defineJson({
  name: 'notes.add',
  summary: 'Add a note',
  description: 'Stores a note. Emits \`zerodb.note.added\`.',
  route: 'POST /api/v1/projects/:project_id/database/notes',
  permission: 'zerodb:write',
  idempotent: false,
  input: noteAdd,
  output: note,
  run: (app, caller, { project_id, text }) => app.store.notes.add(scopeOf(caller, project_id), text),
})
`,
  )
  insert(
    root,
    'src/operations/index.ts',
    "import type { Operation } from './operation.ts'\n",
    "import { notesAdd } from './notes.ts'\n",
  )
  insert(root, 'src/operations/index.ts', '  authRegister,\n', '  notesAdd,\n')
}

/** The built-in handler \`shout\`. */
export function addHandler(root: string): void {
  create(
    root,
    'src/handlers/shout.ts',
    `import { z } from 'zod'
import { noteAdded } from '../schema/events.ts'
import { defineHandler } from './handler.ts'

export const shout = defineHandler({
  name: 'shout',
  on: [noteAdded.name],
  config: z.looseObject({}),
  run: async (app, { project_id, ref }) => ({ text: (await app.store.notes.text(project_id, ref))?.toUpperCase() }),
})
`,
  )
  insert(
    root,
    'src/handlers/index.ts',
    "import { webhook } from './webhook.ts'\n",
    "import { shout } from './shout.ts'\n",
  )
  insert(root, 'src/handlers/index.ts', 'webhook]', 'shout, ')
  insert(
    root,
    'docs/hooks.md',
    '| `auto_embed` | `zerodb.vector.stored`',
    '| `shout` | `zerodb.note.added` | | returns the text of the note in upper case |\n',
  )
}
