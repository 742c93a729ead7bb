import { z } from 'zod'
import { flag, metadata, timestamp, uuid } from './common.ts'

export const HOOK_TYPES = ['first_party', 'function', 'webhook'] as const

export const hook = z.object({
  id: z.string(),
  user_id: z.string(),
  project_id: z.string().nullable(),
  event_type: z.string(),
  hook_type: z.string(),
  hook_name: z.string(),
  hook_config: metadata,
  is_active: z.boolean(),
  created_at: timestamp,
  updated_at: timestamp,
})
export type Hook = z.infer<typeof hook>

/** `event_type`, `hook_name` and `hook_type` are checked against what exists, with a message that names the choices. */
export const hookCreate = z.object({
  event_type: z.string().max(100),
  hook_name: z.string().max(100),
  hook_type: z.string().max(50).optional(),
  project_id: uuid.nullish(),
  hook_config: metadata.default({}),
})

export const hookList = z.object({
  event_type: z.string().optional(),
  project_id: uuid.optional(),
  active_only: flag.default(true),
})

export const hookKey = z.object({ hook_id: uuid })

/** `hook_config` replaces the whole configuration. Other keys are ignored. */
export const hookUpdate = z.object({
  hook_id: uuid,
  hook_config: metadata.optional(),
  is_active: z.boolean().optional(),
})
