export const config = {
  tool: {
    description: 'Asks the person',
    input_schema: { type: 'object', properties: { message: { type: 'string' } }, required: ['message'] },
  },
}

export default ({ data }, ctx) => {
  const answer = ctx.tool.input_responses?.answer
  if (answer) return `User response: ${JSON.stringify(answer)}`
  return {
    resultType: 'input_required',
    inputRequests: {
      answer: {
        method: 'elicitation/create',
        params: {
          message: data.message,
          requestedSchema: {
            type: 'object',
            properties: { username: { type: 'string' }, email: { type: 'string' } },
            required: ['username', 'email'],
          },
        },
      },
    },
  }
}
