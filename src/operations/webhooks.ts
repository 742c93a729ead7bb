import { ZeroError } from '../errors.ts'
import { newWebhookSecret } from '../net/signature.ts'
import { secretRotate, secretRotated } from '../schema/webhook.ts'
import { changeable } from './hooks.ts'
import { keepSecret } from './lib/webhook-config.ts'
import { defineJson } from './operation.ts'

export const hooksRotateSecret = defineJson({
  name: 'hooks.rotate_secret',
  summary: 'Give a webhook a new secret; for a while messages carry the signature of the one before as well',
  route: 'POST /api/v1/hooks/:hook_id/rotate-secret',
  permission: 'hooks:write',
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
