export const config = { tool: { description: 'Returns an image, as bytes' } }

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=='

export default (_, ctx) => ctx.response(Buffer.from(PIXEL, 'base64'), { headers: { 'content-type': 'image/png' } })
