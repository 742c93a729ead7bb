export const config = { tool: { description: 'Returns a text' } }

export default () => 'This is a simple text response for testing.'
