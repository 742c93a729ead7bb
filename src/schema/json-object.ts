import { z } from 'zod'
import { ExactNumber } from '../exact-json.ts'

type RecordOf<Value extends z.ZodType> = z.ZodRecord<z.ZodString, Value>

export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber)
}

/** A record that keeps the original object. `z.record` would copy it and drop the key "__proto__". */
const JsonObject = z.core.$constructor<RecordOf<z.ZodType>>('JsonObject', (inst, def) => {
  z.ZodRecord.init(inst, def as z.core.$ZodRecordDef)
  inst._zod.parse = (payload, context) => {
    const { value } = payload
    if (!isJsonObject(value)) {
      payload.issues.push({ code: 'invalid_type', expected: 'record', input: value, inst })
      return payload
    }
    if (def.valueType instanceof z.ZodUnknown) return payload
    for (const [key, each] of Object.entries(value)) {
      const result = def.valueType._zod.run({ value: each, issues: [] }, context) as z.core.ParsePayload
      payload.issues.push(...z.core.util.prefixIssues(key, result.issues))
    }
    return payload
  }
})

/** A JSON object with arbitrary keys. `values` validates each value and cannot change it. */
export function jsonObject<Value extends z.ZodType = z.ZodUnknown>(values?: Value): RecordOf<Value> {
  return new JsonObject({ type: 'record', keyType: z.string(), valueType: values ?? z.unknown() }) as RecordOf<Value>
}
