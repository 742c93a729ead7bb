import { ZeroError } from '../errors.ts'
import { newWebhookSecret } from '../net/signature.ts'
import { secretRotate, secretRotated } from '../schema/webhook.ts'
import { changeable } from './hooks.ts'
import { keepSecret } from './lib/webhook-config.ts'
import { defineJson } from './operation.ts'

export const hooksRotateSecret = defineJson({
  name: 'hooks.rotate_secret',
  summary: 'Replace the secret of a webhook',
  description:
    'Messages carry the signature of the new secret from now on, and for `keep_seconds` that of the old one too. 422 for a hook that is not a webhook.',
  route: 'POST /api/v1/hooks/:hook_id/rotate-secret',
  permission: 'hooks:write',
  idempotent: false,
  input: secretRotate,
  output: secretRotated,
  async run(app, caller, { hook_id, secret = newWebhookSecret(), keep_seconds }) {
    const hook = await changeable(app, caller, hook_id)
    if (hook.hook_type !== 'webhook')
      throw new ZeroError('invalid', `Only webhooks have a secret; "${hook.hook_name}" is of type ${hook.hook_type}`)
    return app.store.transaction(async (tx) => {
      const previous_valid_until = await tx.hookSecrets.retire(hook_id, keep_seconds)
      await keepSecret(app, tx, hook_id, secret)
      return { webhook_secret: secret, previous_valid_until }
    })
  },
})
