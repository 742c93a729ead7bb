// zerodb-functions/client: the API for programs. Nothing but what every JavaScript runtime has.
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
  Transport,
  UploadContent,
} from './transport.ts'
export { verifyWebhook, WebhookError, type WebhookMessage } from './webhook.ts'
export { ZeroDB, type ZeroDBOptions } from './zerodb.ts'
