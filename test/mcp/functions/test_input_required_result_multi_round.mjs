export const config = { tool: { description: 'Asks twice, one thing after the other' } }

const ask = (key, message, field, requestState) => ({
  resultType: 'input_required',
  inputRequests: {
    [key]: {
      method: 'elicitation/create',
      params: {
        message,
        requestedSchema: { type: 'object', properties: { [field]: { type: 'string' } }, required: [field] },
      },
    },
  },
  requestState,
})

export default (_, ctx) => {
  const { input_responses: answers, request_state: state } = ctx.tool
  if (state?.name && answers?.step2) return `${state.name} likes ${answers.step2.content?.color}`
  if (state && answers?.step1)
    return ask('step2', 'Step 2: What is your favorite color?', 'color', { name: answers.step1.content?.name ?? '?' })
  return ask('step1', 'Step 1: What is your name?', 'name', { name: null })
}
