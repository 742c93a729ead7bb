import { readFileSync } from 'node:fs'

// Reads the commands and the program from the specification.

/** Returns each `curl …` command as its arguments, in the order of the text. */
export function curlCommands(file: string): string[][] {
  const commands: string[][] = []
  let open: string | null = null
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (open === null && !line.startsWith('curl ')) continue
    open = open === null ? line : `${open}\n${line}`
    const words = splitWords(open)
    if (words === null || line.endsWith('\\')) continue
    commands.push(words.slice(1))
    open = null
  }
  return commands
}

/** Splits a curl line into words like a shell: both kinds of quotes, and a backslash at the end of a line. Null while a quote is open. */
function splitWords(command: string): string[] | null {
  const words: string[] = []
  let word: string | null = null
  let quote: string | null = null
  for (let i = 0; i < command.length; i++) {
    const character = command[i]!
    if (quote) {
      if (character === quote) quote = null
      else word += character
    } else if (character === "'" || character === '"') {
      quote = character
      word ??= ''
    } else if (character === '\\' && command[i + 1] === '\n') {
      i++
    } else if (/\s/.test(character)) {
      if (word !== null) words.push(word)
      word = null
    } else {
      word = (word ?? '') + character
    }
  }
  if (quote) return null
  return word === null ? words : [...words, word]
}

/** Returns the two Python blocks as one program. The text has no indentation, so the line under a `for` is indented here. */
export function pythonProgram(file: string): string {
  const lines = readFileSync(file, 'utf8').split('\n')
  const first = lines.indexOf('import requests')
  const second = lines.indexOf('List and manage hooks', first)
  const end = lines.indexOf('Database Schema', second)
  if (first < 0 || second < 0 || end < 0) throw new Error('the Python examples are not where they were')
  const program = [...lines.slice(first, second), ...lines.slice(second + 1, end)]
  return program
    .map((line, i) => (program[i - 1]?.endsWith(':') && program[i - 1]?.startsWith('for ') ? `    ${line}` : line))
    .join('\n')
}
