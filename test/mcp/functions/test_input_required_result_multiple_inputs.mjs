export const config = { tool: { description: 'Asks three things at once' } }

export default (_, ctx) => {
  const { input_responses: answers, request_state: state } = ctx.tool
  if (state === 'asked' && answers?.user_name && answers.greeting && answers.client_roots)
    return JSON.stringify(answers)
  return {
    resultType: 'input_required',
    inputRequests: {
      user_name: {
        method: 'elicitation/create',
        params: {
          message: 'What is your name?',
          requestedSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
        },
      },
      greeting: {
        method: 'sampling/createMessage',
        params: {
          messages: [{ role: 'user', content: { type: 'text', text: 'Generate a greeting' } }],
          maxTokens: 50,
        },
      },
      client_roots: { method: 'roots/list', params: {} },
    },
    requestState: 'asked',
  }
}
