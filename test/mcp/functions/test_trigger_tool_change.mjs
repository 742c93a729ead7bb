export const config = {
  tool: { description: 'Changes the list of tools: switches test_simple_text off and on again' },
  permissions: ['functions:write'],
}

export default async (_, { zerodb }) => {
  await zerodb.functions.update({ name: 'test_simple_text', is_active: false })
  await zerodb.functions.update({ name: 'test_simple_text', is_active: true })
  return 'changed'
}
