export const config = { tool: { description: 'Asks the model of the client' } }

export default (_, ctx) => {
  const answer = ctx.tool.input_responses?.capital_question
  if (answer?.content !== undefined) return `The model says: ${JSON.stringify(answer.content)}`
  return {
    resultType: 'input_required',
    inputRequests: {
      capital_question: {
        method: 'sampling/createMessage',
        params: {
          messages: [{ role: 'user', content: { type: 'text', text: 'What is the capital of France?' } }],
          maxTokens: 100,
        },
      },
    },
  }
}
