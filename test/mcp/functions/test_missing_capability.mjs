export const config = { tool: { description: 'Needs a client that can sample' } }

export default () => ({
  resultType: 'input_required',
  inputRequests: {
    sample: {
      method: 'sampling/createMessage',
      params: { messages: [{ role: 'user', content: { type: 'text', text: 'Hello' } }], maxTokens: 10 },
    },
  },
})
