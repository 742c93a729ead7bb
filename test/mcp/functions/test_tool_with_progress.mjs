export const config = { tool: { description: 'Tells how far it is' } }

const pause = () => new Promise((resolve) => setTimeout(resolve, 50))

export default async (_, ctx) => {
  await ctx.progress(0, 100)
  await pause()
  await ctx.progress(50, 100)
  await pause()
  await ctx.progress(100, 100)
  return 'done'
}
