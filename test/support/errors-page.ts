import { ERRORS, type ErrorCode } from '../../src/errors.ts'

/** Explanations of errors beyond their messages. A code without an entry does not compile. */
const MEANINGS: Record<ErrorCode, string> = {
  malformed_request: 'The request is not valid HTTP: a bad method, header or length. The connection is closed.',
  unauthorized: 'The credential is missing, unknown, expired or revoked. Log in again, or use another key.',
  forbidden:
    'The credential is valid but lacks the permission that the message names, or the server does not allow the operation.',
  quota_exceeded:
    'The user or the project has reached a limit of the server. The message names the setting; see [limits](projects-and-keys.md#limits).',
  route_not_found: 'No operation has this address.',
  not_found: 'The object does not exist, or belongs to another user.',
  method_not_allowed: 'The address exists, but not for this method.',
  email_taken: 'An account with this address exists. Log in instead.',
  chain_too_deep: 'Functions and hooks have triggered each other more than `ZERODB_MAX_DEPTH` times in a row.',
  function_disabled: 'The function is disabled. Enable it with PATCH.',
  function_hooked:
    'Hooks that were not created by the function’s configuration use it. Delete them, or send `force=true`.',
  idempotency_mismatch: 'The idempotency key was used for a different request within 24 hours. Use a new key.',
  idempotency_running:
    'The first request with this key is still running. Retry after `Retry-After` seconds to get its response.',
  hook_exists: 'The hook already exists, for this project or for all. Change it with PATCH.',
  project_exists: 'You already have the project of the file. Delete it first, or import as another user.',
  project_suspended:
    'The project is [suspended](projects-and-keys.md#suspend-a-project): it can be read, but not written. Activate it.',
  replay_final: 'The replay or backfill has ended and can no longer be cancelled.',
  run_final: 'The run has ended and can no longer be cancelled.',
  run_not_final: 'Only a dead, cancelled or skipped run can be retried. To process an event again, replay it.',
  version_conflict:
    'Another request has changed the row since you read it. Read it again, and send its version as `if_match`.',
  row_exists: 'Another row has the values of a unique key. Update that row, or use `rows.upsert`.',
  schedule_exists: 'The project already has a schedule of this name. Delete it first, or choose another name.',
  table_exists: 'The project already has a table of this name.',
  request_timeout:
    'The headers did not arrive within a minute, or the body stalled for half a minute. The connection is closed.',
  too_large:
    'The request is larger than `ZERODB_MAX_BODY_MB` or `ZERODB_MAX_UPLOAD_MB`, or a text is too long for an index.',
  address_too_long: 'A name or an id in the address, such as that of a row or an entity, is too long.',
  unsupported_media_type: 'The body is neither JSON nor multipart.',
  validation_failed: '`detail` lists the invalid fields.',
  invalid:
    'The fields have the right types but cannot be combined, or a name is unknown. The message lists the choices.',
  dimension_mismatch: 'The message names the dimensions and models that the namespace has.',
  rate_limited: 'Too many requests. Retry after `Retry-After` seconds.',
  headers_too_large: 'The headers are larger than 16 KiB in total. The connection is closed.',
  internal: 'The server failed. Its log has the cause under the `request_id`.',
  unavailable: 'The server is temporarily unavailable. Retry after `Retry-After` seconds.',
  sandbox_unavailable:
    'The message has the reason and the remedy for the operator; see [sandbox](sandbox.md). Everything else works.',
  sandbox_busy: 'The queue of sandbox calls is full (`ZERODB_SANDBOX_CONCURRENCY`). Retry after `Retry-After` seconds.',
  function_failed:
    'The function threw an error, ended its process, or exceeded a limit. The run with the id `run_id` has the reason and the log.',
  function_timeout: 'The function did not return within its `timeout_seconds`. `run_id` is the id of the run.',
  provider_refused: 'A configured model provider rejected the request; the message has its reason.',
  query_timeout:
    'The statement took longer than 5 seconds (requests with a filter, an order, an offset or a text) or a minute (other requests). Request less data.',
}

export const TABLE_STARTS = '<!-- The table is generated: npx vitest run test/errors.test.ts -u -->\n'

/** Returns `page` with its table generated from `ERRORS`. The text above the table does not change. */
export function errorsPage(page: string): string {
  const head = page.slice(0, page.indexOf(TABLE_STARTS))
  const rows = Object.entries(ERRORS)
    .sort(([, a], [, b]) => a.status - b.status)
    .map(
      ([code, { status, message }]) =>
        `| \`${code}\` | ${status} | ${message.replaceAll('<', '\\<')} | ${MEANINGS[code as ErrorCode]} |`,
    )
  return `${head}${TABLE_STARTS}\n| code | status | message when no other is given | means |\n|---|---|---|---|\n${rows.join('\n')}\n`
}
