export const config = { tool: { description: 'Returns a resource, as a block of content' } }

export default () => ({
  type: 'resource',
  resource: {
    uri: 'test://embedded-resource',
    mimeType: 'text/plain',
    text: 'This is an embedded resource content.',
  },
})
