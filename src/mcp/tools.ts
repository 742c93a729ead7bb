import type { App, Caller } from '../app.ts'
import { scopeOf } from '../auth/caller.ts'
import { allows } from '../schema/login.ts'
import { builtInTools } from './built-in.ts'
import { definitionOf, functionTool } from './function-tool.ts'
import type { Tool } from './tool.ts'

const canCallFunctions = (caller: Caller) => allows(caller.permissions, 'functions:invoke')

/**
 * Returns the definitions that the caller sees: the built-in tools that its key allows, then the functions of its project by name. A function
 * replaces a built-in tool of the same name. Throws `not_found` if the project does not belong to the caller.
 */
export async function toolDefinitions(app: App, caller: Caller): Promise<Tool['definition'][]> {
  const functions = canCallFunctions(caller) ? await app.store.functions.list(scopeOf(caller)) : []
  const own = functions.flatMap(({ name, is_active, config }) =>
    is_active && config.tool ? [definitionOf(name, config.tool)] : [],
  )
  const names = new Set(own.map(({ name }) => name))
  const builtIn = builtInTools(app, caller).map(({ definition }) => definition)
  return [...builtIn.filter(({ name }) => !names.has(name)), ...own]
}

/** Returns the tool of this name among those of `toolDefinitions`, or null. */
export async function findTool(app: App, caller: Caller, name: string): Promise<Tool | null> {
  if (canCallFunctions(caller)) {
    const fn = await app.functions.byName(scopeOf(caller).project_id, name)
    if (fn?.user_id === caller.user_id && fn.is_active && fn.config.tool) return functionTool(app, caller, fn)
  }
  return builtInTools(app, caller).find(({ definition }) => definition.name === name) ?? null
}
