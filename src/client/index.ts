// zerodb-functions/client: the client of the API. Uses only features of all JavaScript runtimes.
export { operationsOver } from './bind.ts'
export { type FieldError, type LocalErrorCode, ZeroDBError } from './errors.ts'
export type * from './generated.ts'
export type {
  CallOptions,
  Download,
  DownloadOptions,
  JsonCodec,
  Message,
  Page,
  ResultStream,
  Transport,
  UploadContent,
} from './transport.ts'
export { verifyWebhook, WebhookError, type WebhookMessage } from './webhook.ts'
export { ZeroDB, type ZeroDBOptions } from './zerodb.ts'
