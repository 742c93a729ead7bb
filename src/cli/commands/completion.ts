import { Argument, Command } from 'commander'
import { print } from '../lib/output.ts'

interface CommandWords {
  /** `hooks create`; the program itself has the path ''. */
  path: string
  words: { word: string; description: string }[]
}

/** Returns the subcommands and options of this command and of all below it. */
function wordsOf(command: Command, path: readonly string[] = []): CommandWords[] {
  const commands = command.commands.map((sub) => ({ word: sub.name(), description: sub.description() }))
  const options = command.options
    .filter(({ hidden }) => !hidden)
    .map((option) => ({ word: option.long!, description: option.description }))
  return [
    { path: path.join(' '), words: [...commands, ...options, { word: '--help', description: 'help' }] },
    ...command.commands.flatMap((sub) => wordsOf(sub, [...path, sub.name()])),
  ]
}

const SHELLS = {
  bash(all: readonly CommandWords[]): string {
    const paths = all.map(({ path }) => `"${path}"`).slice(1)
    const cases = all.map(({ path, words }) => `    "${path}") words="${words.map(({ word }) => word).join(' ')}" ;;`)
    return `_zerodb() {
  local path= word words=
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${path:+$path }$word" in
      ${paths.join('|')}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _zerodb zerodb`
  },

  zsh(all: readonly CommandWords[]): string {
    const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`
    const paths = all.map(({ path }) => quoted(path)).slice(1)
    const cases = all.map(({ path, words }) => {
      const offers = words.map(({ word, description }) => quoted(`${word}:${description.replaceAll(':', '\\:')}`))
      return `    ${quoted(path)}) offers=(${offers.join(' ')}) ;;`
    })
    return `#compdef zerodb
_zerodb() {
  local found='' word
  local -a offers
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${found:+$found }$word" in
      ${paths.join('|')}) found="\${found:+$found }$word" ;;
    esac
  done
  case "$found" in
${cases.join('\n')}
  esac
  _describe command offers
}
compdef _zerodb zerodb`
  },

  fish(all: readonly CommandWords[]): string {
    const quoted = (text: string) => `'${text.replace(/['\\]/g, '\\$&')}'`
    const lines = all.flatMap(({ path, words }) =>
      words.map(({ word, description }) => {
        const target = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${word}`
        return `complete -c zerodb -n ${quoted(`__zerodb_at ${quoted(path)}`)} ${target} -d ${quoted(description)}`
      }),
    )
    const paths = all.map(({ path }) => quoted(path)).slice(1)
    return `function __zerodb_at
  set -l path
  for word in (commandline -opc)[2..]
    contains -- (string join ' ' $path $word) ${paths.join(' ')}; and set -a path $word
  end
  test "$path" = "$argv[1]"
end
${lines.join('\n')}`
  },
} as const

export const completion = new Command('completion')
  .description('print a shell completion script: source <(zerodb completion bash)')
  .addArgument(new Argument('<shell>').choices(Object.keys(SHELLS)))
  .action((shell: keyof typeof SHELLS) => print(SHELLS[shell](wordsOf(completion.parent!))))
