/** The files of a project that `zerodb init` makes, by template and path. */
const COMMON = {
  '.gitignore': '.zerodb/\nnode_modules/\n__pycache__/\n',
}

const readme = (file: string) => `# {{name}}

\`functions/\` holds a function in each file; what sets it off stands in its \`config\`.

    zerodb dev        # starts a server where none runs, deploys what changes, and shows what functions say
    zerodb deploy     # deploys once
    zerodb invoke hello -d '{"name": "Maria"}'

Begin with \`functions/${file}\`. The commands find the server that was started here. For another one, put its address into \`zerodb.json\`,
\`{"url": "https://…"}\`, and a key of it into \`ZERODB_API_KEY\`.
`

const HELLO_TS = `import type { Config, Context, FunctionEvent } from 'zerodb-functions/functions'

// What sets it off: whatever is remembered, a request, and an agent.
export const config: Config = {
  triggers: ['zeromemory.remembered'],
  http: { methods: ['GET', 'POST'], auth: 'key' },
  tool: {
    description: 'Says hello to somebody',
    input_schema: { type: 'object', properties: { name: { type: 'string' } } },
  },
}

export default async function hello(event: FunctionEvent, ctx: Context) {
  ctx.log(\`set off by \${event.event}\`)
  const data = (event.data ?? {}) as { name?: string; query?: { name?: string } }
  return { hello: data.name ?? data.query?.name ?? 'world', because: ctx.trigger }
}
`

const HELLO_PY = `# What sets it off: whatever is remembered, a request, and an agent.
config = {
    "triggers": ["zeromemory.remembered"],
    "http": {"methods": ["GET", "POST"], "auth": "key"},
    "tool": {
        "description": "Says hello to somebody",
        "input_schema": {"type": "object", "properties": {"name": {"type": "string"}}},
    },
}


def handler(event, ctx):
    print("set off by", event["event"])
    data = event["data"] or {}
    name = data.get("name") or data.get("query", {}).get("name") or "world"
    return {"hello": name, "because": ctx.trigger}
`

export const TEMPLATES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  typescript: { ...COMMON, 'README.md': readme('hello.ts'), 'functions/hello.ts': HELLO_TS },
  python: { ...COMMON, 'README.md': readme('hello.py'), 'functions/hello.py': HELLO_PY },
}
