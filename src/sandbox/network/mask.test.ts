import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { createMask } from './mask.ts'

async function masked(pieces: readonly string[], values: readonly string[]): Promise<string> {
  let text = ''
  for await (const piece of Readable.from(pieces.map((each) => Buffer.from(each))).pipe(createMask(values)))
    text += piece
  return text
}

test('every way to divide a body gives the same masked body, of the same length', async () => {
  const body = 'a secret-value, secret-valu, secret-secret-value and secret-valuesecret-value'
  const expected = body.replaceAll('secret-value', '************')
  for (let one = 0; one <= body.length; one++)
    for (let two = one; two <= body.length; two += 7) {
      const pieces = [body.slice(0, one), body.slice(one, two), body.slice(two)].filter((each) => each !== '')
      expect(await masked(pieces, ['secret-value'])).toBe(expected)
    }
  expect(await masked([...body], ['secret-value'])).toBe(expected)
})

test('a value that overlaps itself, and values in each other, are masked', async () => {
  expect(await masked(['aaaa', 'aaaaaa', 'a'], ['aaaaaaaa'])).toMatch(/^\*{8,11}a{0,3}$/)
  const values = ['long-secret', 'long-secret-value']
  expect(await masked(['x long-secret-', 'value x'], values)).toBe(`x ${'*'.repeat(17)} x`)
  expect(await masked(['x long-secret-', 'values'], values.slice(0, 1))).toBe(`x ${'*'.repeat(11)}-values`)
  expect(await masked(['x long-secret'], values)).toBe(`x ${'*'.repeat(11)}`)
})

test('a value of less than 8 characters is not masked, and data without values is not held', async () => {
  expect(await masked(['a short text'], ['short'])).toBe('a short text')
  const mask = createMask(['secret-value'])
  mask.write('an event\n\n')
  expect(String(mask.read())).toBe('an event\n\n')
})
