import { ERRORS, type ErrorCode } from '../../src/errors.ts'

/** What a caller should know of each error beyond its sentence. A code without an entry does not compile. */
const MEANINGS: Record<ErrorCode, string> = {
  malformed_request: 'What came is not HTTP: a bad method, header or length. The connection is closed.',
  unauthorized: 'No credential, or one that is unknown, expired or revoked. Log in again, or use another key.',
  forbidden:
    'The credential is good and lacks the right that the message names, or the server does not allow it at all.',
  quota_exceeded:
    'The user or the project has as many of these as the server allows. The message names the setting; see [limits](projects-and-keys.md#limits).',
  route_not_found: 'No operation has this address.',
  not_found: 'The thing does not exist, or belongs to somebody else.',
  method_not_allowed: 'The address exists for other methods.',
  email_taken: 'Log in in place of registering.',
  chain_too_deep:
    'A function has called a function that has called one, and so on, more often than `ZERODB_MAX_DEPTH`.',
  function_disabled: 'Switch the function on with PATCH, or call another.',
  function_hooked: 'Hooks that were made by hand ask for the function. Delete them, or send `force=true`.',
  idempotency_mismatch: 'A key stands for one request for 24 hours. Use a new one for another request.',
  idempotency_running: 'Wait as long as `Retry-After` says and send it again: you get the answer of the first request.',
  hook_exists: 'The hook is there already, for this project or for all. Change it with PATCH.',
  project_exists: 'You already have the project that the file holds. Delete it first, or import as another user.',
  replay_final: 'A replay or backfill can be cancelled until it is done.',
  run_final: 'A run can be cancelled until it has ended.',
  run_not_final:
    'Only a run that is dead, cancelled or skipped can be tried again. To hand out an event once more, replay it.',
  table_exists: 'The project has a table of this name.',
  request_timeout:
    'The headers did not arrive within a minute, or nothing more came of the body for half a minute. The connection is closed.',
  too_large: 'Over `ZERODB_MAX_BODY_MB` or `ZERODB_MAX_UPLOAD_MB`, or a text that cannot be indexed.',
  address_too_long: 'A name or an id in the address, such as a row’s or an entity’s, is too long to be one.',
  unsupported_media_type: 'The body is neither JSON nor multipart.',
  validation_failed: '`detail` is the list of fields at fault.',
  invalid:
    'The fields have the right form and cannot be used together, or a name is unknown. The message names the choices.',
  dimension_mismatch: 'The message names the dimensions and models that the namespace has.',
  rate_limited: 'Wait as long as `Retry-After` says.',
  headers_too_large: 'The headers have more than 16 KiB together. The connection is closed.',
  internal: 'An error of the server. Its log has the cause under the `request_id`.',
  unavailable: 'Try again after `Retry-After` seconds.',
  sandbox_unavailable:
    'The message says why, and what the operator of the server can do; see [sandbox](sandbox.md). All else works.',
  sandbox_busy:
    'As many calls run and wait as this server takes (`ZERODB_SANDBOX_CONCURRENCY`). Try again after `Retry-After`.',
  function_failed:
    'The function has thrown, ended its process, or used more than it may. `run_id` names the run, which keeps the reason and the log.',
  function_timeout: 'The function did not answer within its `timeout_seconds`. `run_id` names the run.',
  provider_refused: 'A configured model provider refuses what it is asked for; the message holds its reason.',
  query_timeout:
    'The statement took longer than 5 seconds, if the request says how much it has to do (by a filter, an order, an offset or a text), else than a minute. Ask for less.',
}

export const TABLE_STARTS = '<!-- The table is generated: npx vitest run test/errors.test.ts -u -->\n'

/** `page` with its table as `ERRORS` has it; what stands above the table stays. */
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
