import type { App, Caller } from '../app.ts'
import { scopeOf } from '../auth/caller.ts'
import { allows } from '../schema/login.ts'
import { builtInTools } from './built-in.ts'
import { definitionOf, functionTool } from './function-tool.ts'
import type { Tool } from './tool.ts'

/** Every function of the caller's project that is a tool is one for whoever may call functions. */
const mayCall = (caller: Caller) => allows(caller.permissions, 'functions:invoke')

/**
 * What the caller sees: the built-in tools that its key allows, then its project's functions by name. A function takes the place of a built-in
 * tool of its name. Throws `not_found` when the project is not the caller's.
 */
export async function toolDefinitions(app: App, caller: Caller): Promise<Tool['definition'][]> {
  const functions = mayCall(caller) ? await app.store.functions.list(scopeOf(caller)) : []
  const own = functions.flatMap(({ name, is_active, config }) =>
    is_active && config.tool ? [definitionOf(name, config.tool)] : [],
  )
  const names = new Set(own.map(({ name }) => name))
  const builtIn = builtInTools(app, caller).map(({ definition }) => definition)
  return [...builtIn.filter(({ name }) => !names.has(name)), ...own]
}

/** The tool of this name, as `toolDefinitions` has it; null for one that is not there. */
export async function findTool(app: App, caller: Caller, name: string): Promise<Tool | null> {
  if (mayCall(caller)) {
    const fn = await app.functions.byName(scopeOf(caller).project_id, name)
    if (fn?.user_id === caller.user_id && fn.is_active && fn.config.tool) return functionTool(app, caller, fn)
  }
  return builtInTools(app, caller).find(({ definition }) => definition.name === name) ?? null
}
