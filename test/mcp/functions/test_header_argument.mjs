export const config = {
  tool: {
    description: 'An argument of it is repeated in a header',
    input_schema: {
      type: 'object',
      properties: { region: { type: 'string', 'x-mcp-header': 'Region' } },
      required: ['region'],
    },
  },
}

export default ({ data }) => data.region
