import type { App } from '../../app.ts'
import { ZeroError } from '../../errors.ts'
import { nameKeys, normalizeId } from '../../memory/names.ts'
import type { Entity } from '../../schema/graph.ts'
import type { Scope } from '../../store/context.ts'
import type { NamedEntity } from '../../store/data/entities.ts'

/** Returns the entity of a namespace with this id, identifier or name; null if there is none. */
export function findEntity(app: App, scope: Scope, namespace: string, name: string): Promise<Entity | null> {
  return app.store.entities.find(scope, namespace, { id: name, identifier: normalizeId(name), name: nameKeys(name) })
}

/** Returns an entity that a caller names in the field `field`. Throws `validation_failed` for a name without a letter or digit. */
export function namedEntity(field: string, name: string, type: string): NamedEntity {
  const keys = nameKeys(name)
  if (keys.norm === '') throw invalidField(field, 'A name needs a letter or a digit')
  return { ...keys, name: name.trim(), type }
}

export const invalidField = (field: string, msg: string) =>
  new ZeroError('validation_failed', undefined, { fields: [{ type: 'value_error', loc: ['body', field], msg }] })
