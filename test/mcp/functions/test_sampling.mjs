export const config = {
  tool: {
    description: 'Asks the model of the client',
    input_schema: { type: 'object', properties: { prompt: { type: 'string' } }, required: ['prompt'] },
  },
}

export default ({ data }, ctx) => {
  const answer = ctx.tool.input_responses?.answer
  if (answer) return `LLM response: ${JSON.stringify(answer.content)}`
  return {
    resultType: 'input_required',
    inputRequests: {
      answer: {
        method: 'sampling/createMessage',
        params: { messages: [{ role: 'user', content: { type: 'text', text: data.prompt } }], maxTokens: 100 },
      },
    },
  }
}
