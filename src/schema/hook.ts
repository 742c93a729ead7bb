import { z } from 'zod'
import { createdAt, flag, integer, metadata, seconds, updatedAt, uuid } from './common.ts'
import { dueTime } from './due-time.ts'
import { loggedEvent } from './event-log.ts'
import { eventType, eventTypeFilter, eventTypeName } from './events.ts'

export const HOOK_TYPES = ['first_party', 'function', 'webhook'] as const

export const orderingKey = z
  .strictObject({
    path: z
      .string()
      .min(1)
      .max(255)
      .meta({
        description:
          'Path into the `data`, the `row` or the `previous` row of the event. Events without a value there are not ordered',
        examples: ['row.metadata.customer'],
      }),
    policy: z
      .enum(['block', 'skip'])
      .default('block')
      .describe(
        '`block`: a failed run keeps later runs waiting until it is final. `skip`: a failed run is dead at once and later runs go on',
      ),
  })
  .meta({
    id: 'OrderingKey',
    description: 'Runs of events with the same value at `path` execute one after the other, in the order of the events',
  })

/** An ordering key as requests give it: a path alone has the policy `block`. */
export const orderingKeyInput = z.union([
  z
    .string()
    .describe('Path into the `data`, the `row` or the `previous` row of the event, with the policy `block`')
    .transform((path) => ({ path, policy: 'block' as const })),
  orderingKey,
])

export const retryPolicy = z
  .strictObject({
    max_attempts: z.number().int().min(1).max(100).optional().describe('Maximum number of attempts. When absent: 8'),
    initial_seconds: z
      .number()
      .min(0)
      .max(86_400)
      .optional()
      .describe('Seconds of pause after the first failure. When absent: 2'),
    factor: z
      .number()
      .min(1)
      .max(10)
      .optional()
      .describe('Factor by which each further pause is longer. When absent: 2'),
    max_seconds: z.number().min(0).max(86_400).optional().describe('Seconds of the longest pause. When absent: 300'),
    jitter: z
      .enum(['full', 'none'])
      .optional()
      .describe('`full`: each pause is random, up to its length. `none`: it is exact. When absent: `full`'),
  })
  .meta({ id: 'RetryPolicy', description: 'When a failed run is tried again' })
export type RetryPolicy = z.infer<typeof retryPolicy>

export const hook = z
  .object({
    id: z.string().describe('Id of the hook'),
    user_id: z.string().describe('Id of the user who owns the hook'),
    project_id: z
      .string()
      .nullable()
      .describe('The only project whose events count; null for all projects of the user'),
    event_type: eventType.describe('Type of the events that the hook handles'),
    hook_type: z.string().describe('`first_party` for a built-in handler, `webhook`, or `function`'),
    hook_name: z.string().describe('Name of the handler: a built-in handler, `webhook:<label>`, or a function'),
    hook_config: metadata.describe('Configuration of the handler'),
    is_active: z.boolean().describe('Whether the hook is enabled'),
    created_at: createdAt,
    updated_at: updatedAt,
    filter: metadata.optional().describe('Only events that match this filter count. Absent when there is none'),
    ordering_key: orderingKey.optional().describe('How runs are ordered. Absent when they are not'),
    retry: retryPolicy.optional().describe('When failed runs are tried again. Absent: as by default'),
    concurrency: z
      .number()
      .optional()
      .describe(
        'Maximum number of runs at the same time, over all processes. Absent when only the number of slots limits it',
      ),
    paused: z.literal(true).optional().describe('True: runs are made and wait. Absent when the hook is not paused'),
    disabled_reason: z.string().optional().describe('Why the system switched the hook off. Absent when it did not'),
    function_id: z.string().optional().describe('Id of the function that is the handler. Absent for other handlers'),
    declared: z
      .literal(true)
      .optional()
      .describe('True: the hook comes from the configuration of its function, and follows it. Absent otherwise'),
  })
  .meta({ id: 'Hook', description: 'A subscription: which handler runs on which events' })
export type Hook = z.infer<typeof hook>

/** Delivery settings for creation and update; null restores the default. */
const delivery = {
  filter: metadata.nullish().meta({
    description: 'Only events that match this filter count. Null or absent: all events of the type',
    examples: [{ 'data.table_name': 'orders', 'row.total': { $gte: 100 } }],
  }),
  ordering_key: orderingKeyInput
    .nullish()
    .describe('How runs are ordered: a path, or a path and a policy. Null or absent: not at all'),
  retry: retryPolicy.nullish().describe('When failed runs are tried again. Null or absent: as by default'),
  concurrency: integer(1, 1000)
    .nullish()
    .describe(
      'Maximum number of runs at the same time, over all processes. Null or absent: only the number of slots limits it',
    ),
  paused: z.boolean().optional().describe('True: runs are made and wait. False: they execute'),
}
export type Delivery = z.infer<z.ZodObject<typeof delivery>>

/** Input of a new hook. The operation validates `event_type`, `hook_name` and `hook_type`, with a message that lists the choices. */
export const hookCreate = z.object({
  event_type: eventTypeName,
  hook_name: z
    .string()
    .max(100)
    .meta({
      description:
        'Handler to run: `auto_embed`, `auto_summarize`, `auto_graph`, `webhook:<label>`, or the name of a function',
      examples: ['auto_embed', 'webhook:billing'],
    }),
  hook_type: z
    .string()
    .max(50)
    .optional()
    .describe('`first_party`, `webhook` or `function`. It follows from `hook_name`, so it can be left out'),
  project_id: uuid.nullish().describe('The only project whose events count. Null or absent: all your projects'),
  hook_config: metadata.default({}).meta({
    description: 'Configuration of the handler. A webhook requires `url`',
    examples: [{ url: 'https://hooks.example.com/orders' }],
  }),
  ...delivery,
})

export const filterTest = z.object({
  event_type: eventTypeName,
  filter: delivery.filter,
  ordering_key: delivery.ordering_key,
  project_id: uuid.optional().describe('Only events of this project'),
  limit: integer(1, 100).default(20).describe('Maximum number of events to test'),
})
export type FilterTest = z.infer<typeof filterTest>

export const filterTested = z
  .object({
    tested: z.number().describe('Number of events tested'),
    matched: z.number().describe('Number of events that match'),
    items: z
      .array(
        z
          .object({
            event: loggedEvent,
            row: z
              .unknown()
              .describe(
                'The row after the event, as filters see it; null when it is deleted, larger than 8 KB, or there is none',
              ),
            previous: z
              .unknown()
              .describe(
                'The row before an event that updated, replaced or deleted it; null for other events and when it is larger than 8 KB',
              ),
            matches: z.boolean().describe('Whether the event matches the filter'),
            ordering_key: z.string().nullable().describe('Value of the ordering key; null when there is none'),
          })
          .meta({ id: 'FilterTestItem', description: 'An event, and whether it matches' }),
      )
      .describe('The events tested, newest first'),
  })
  .meta({ id: 'FilterTested', description: 'Result of testing a filter' })

export type FilterTested = z.infer<typeof filterTested>

export const hookInvoke = z.object({
  hook_id: uuid.describe('Id of the hook'),
  payload: metadata.default({}).meta({
    description: 'The `data` of the event. Where it names a stored row, the handler receives that row',
    examples: [{ vector_id: 'note-1', namespace: 'default' }],
  }),
  project_id: uuid
    .optional()
    .describe(
      'Project to run in, for a hook on all projects. When absent: the project of the key or header, or your default one',
    ),
  wait_seconds: seconds(0, 60)
    .default(30)
    .describe('Maximum number of seconds to wait for the end of the first attempt, unless it is to start later'),
  ...dueTime,
})

export const hookList = z.object({
  event_type: eventTypeFilter.meta({ description: 'Only hooks on events of this type' }),
  project_id: uuid.optional().describe('Only hooks of this project'),
  active_only: flag.default(true).describe('False: include disabled hooks'),
})

export const hookKey = z.object({ hook_id: uuid.describe('Id of the hook') })

export const hookUpdate = z.object({
  hook_id: uuid.describe('Id of the hook'),
  hook_config: metadata.optional().describe('New configuration, which replaces the old one. When absent: unchanged'),
  is_active: z
    .boolean()
    .optional()
    .describe('True enables the hook; false disables it and cancels its queued runs. When absent: unchanged'),
  ...delivery,
})
