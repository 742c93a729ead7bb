export const config = { tool: { description: 'Asks the person for a name' } }

export default (_, ctx) => {
  const answer = ctx.tool.input_responses?.user_name
  if (typeof answer?.content?.name === 'string') return `Hello, ${answer.content.name}!`
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
    },
  }
}
