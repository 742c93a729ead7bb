export const config = { tool: { description: 'Logs while it works' } }

const pause = () => new Promise((resolve) => setTimeout(resolve, 50))

export default async (_, ctx) => {
  ctx.log('Tool execution started')
  await pause()
  ctx.log('Tool processing data')
  await pause()
  ctx.log('Tool execution completed')
  return 'done'
}
