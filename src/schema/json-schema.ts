import { z } from 'zod'
import { uuid } from './common.ts'

export type JsonSchema = { [key: string]: unknown }
type Io = 'input' | 'output'

/** Returns the JSON Schema of a zod schema; schemas with an id become `$defs`. */
export function toJsonSchema(type: z.ZodType, io: Io): JsonSchema & { $defs?: Record<string, JsonSchema> } {
  return convert(type, io, z.globalRegistry)
}

/** Returns the JSON Schema of a zod schema without references. */
export function toInlineJsonSchema(type: z.ZodType, io: Io): JsonSchema {
  return convert(type, io, WITHOUT_IDS)
}

const WITHOUT_IDS = {
  get(type: z.ZodType) {
    const { id: _, ...meta } = z.globalRegistry.get(type) ?? {}
    return meta
  },
} as typeof z.globalRegistry

function convert(type: z.ZodType, io: Io, metadata: typeof z.globalRegistry): JsonSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(type, {
    io,
    metadata,
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema }) {
      if (io === 'output' && (zodSchema as unknown) === uuid)
        Object.assign(jsonSchema, { type: 'string', format: 'uuid' })
      // zod omits these two from the input of a schema that transforms its value, such as a number that can be text.
      const { def } = zodSchema._zod
      if (io === 'input' && def.type === 'default') jsonSchema.default = def.defaultValue as string
      const { examples } = z.globalRegistry.get(zodSchema) ?? {}
      if (examples !== undefined) jsonSchema.examples = examples as unknown[]
    },
  })
  return schema
}
