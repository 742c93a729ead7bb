export const config = { tool: { description: 'Asks, and remembers what for' } }

export default (_, ctx) => {
  const { input_responses: answers, request_state: state } = ctx.tool
  if (state?.asked === 'confirm' && answers?.confirm) return 'state-ok'
  return {
    resultType: 'input_required',
    inputRequests: {
      confirm: {
        method: 'elicitation/create',
        params: {
          message: 'Please confirm',
          requestedSchema: { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] },
        },
      },
    },
    requestState: { asked: 'confirm' },
  }
}
