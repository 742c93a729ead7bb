import type { z } from 'zod'
import type { App } from '../../app.ts'
import { seal } from '../../crypto.ts'
import { ZeroError } from '../../errors.ts'
import { webhookSecretContext } from '../../handlers/webhook.ts'
import { newWebhookSecret } from '../../net/signature.ts'
import type { hookCreate } from '../../schema/hook.ts'
import { shapeErrors } from '../../schema/shape-errors.ts'
import { secretGiven } from '../../schema/webhook.ts'
import type { Tables } from '../../store/index.ts'

type HookInput = z.infer<typeof hookCreate>

/** Separates the secret from the configuration of a webhook, or creates a new secret. Throws `validation_failed`. */
export function takeSecret(given: HookInput): { input: HookInput; secret: string } {
  const parsed = secretGiven.safeParse(given)
  if (!parsed.success)
    throw new ZeroError('validation_failed', undefined, { fields: shapeErrors(parsed.error, given, () => 'body') })
  const { secret, ...hook_config } = parsed.data.hook_config
  return { input: { ...given, hook_config }, secret: secret ?? newWebhookSecret() }
}

/** Encrypts a secret and stores it as the newest of a webhook. */
export function keepSecret(app: App, tx: Tables, hookId: string, secret: string): Promise<void> {
  return tx.hookSecrets.add(hookId, seal(app.encryptionKey, secret, webhookSecretContext(hookId)))
}

/** Throws `invalid` for an address to which requests are never sent. Host names are resolved later, when something is sent. */
export function checkTarget(app: App, config: Record<string, unknown>): void {
  const refused = app.outgoing.refusal(String(config['url']))
  if (refused !== null) throw new ZeroError('invalid', `The url ${refused}`)
}
