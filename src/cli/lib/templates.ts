const COMMON = {
  '.gitignore': '.zerodb/\nnode_modules/\n__pycache__/\n',
}

const readme = (file: string) => `# {{name}}

Each file in \`functions/\` is a function; its \`config\` says what triggers it.

    zerodb dev        # starts a server if none runs, deploys changes and shows the logs of functions
    zerodb deploy     # deploys once
    zerodb invoke hello -d '{"name": "Maria"}'

Start with \`functions/${file}\`. The commands use the server that was started here. For another server, put its address into \`zerodb.json\`,
\`{"url": "https://…"}\`, and its API key into \`ZERODB_API_KEY\`.
`

const HELLO_TS = `import type { Config, Context, FunctionEvent } from 'zerodb-functions/functions'

// Triggers: a stored memory, an HTTP request, and a tool call of an agent.
export const config: Config = {
  triggers: ['zeromemory.remembered'],
  http: { methods: ['GET', 'POST'], auth: 'key' },
  tool: {
    description: 'Says hello to someone',
    input_schema: { type: 'object', properties: { name: { type: 'string' } } },
  },
}

export default async function hello(event: FunctionEvent, ctx: Context) {
  ctx.log(\`triggered by \${event.event}\`)
  const data = (event.data ?? {}) as { name?: string; query?: { name?: string } }
  return { hello: data.name ?? data.query?.name ?? 'world', because: ctx.trigger }
}
`

const HELLO_PY = `# Triggers: a stored memory, an HTTP request, and a tool call of an agent.
config = {
    "triggers": ["zeromemory.remembered"],
    "http": {"methods": ["GET", "POST"], "auth": "key"},
    "tool": {
        "description": "Says hello to someone",
        "input_schema": {"type": "object", "properties": {"name": {"type": "string"}}},
    },
}


def handler(event, ctx):
    print("triggered by", event["event"])
    data = event["data"] or {}
    name = data.get("name") or data.get("query", {}).get("name") or "world"
    return {"hello": name, "because": ctx.trigger}
`

/** The files of a project that `zerodb init` creates, by template and path. */
export const TEMPLATES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  typescript: { ...COMMON, 'README.md': readme('hello.ts'), 'functions/hello.ts': HELLO_TS },
  python: { ...COMMON, 'README.md': readme('hello.py'), 'functions/hello.py': HELLO_PY },
}
