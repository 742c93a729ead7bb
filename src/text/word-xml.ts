import { Parser } from 'htmlparser2'
import { TableText } from './table-text.ts'
import { Unreadable } from './unreadable.ts'

const MAX_DEPTH = 1000
/** Maximum number of columns in Word. */
const MAX_COLUMNS = 63

/**
 * Elements whose text is left out: alternative renderings of the same content, tracked deletions and moves, and the pronunciation of ruby
 * characters.
 */
const LEFT_OUT = new Set(['Fallback', 'del', 'moveFrom', 'rt'])

const TABLE_PARTS: ReadonlyMap<string, 'table' | 'row' | 'cell'> = new Map([
  ['tbl', 'table'],
  ['tr', 'row'],
  ['tc', 'cell'],
])

const BREAKS = new Map([
  ['tab', '\t'],
  ['ptab', '\t'],
  ['br', '\n'],
  ['cr', '\n'],
  ['noBreakHyphen', '-'],
])

interface Paragraph {
  isHidden: boolean
  /** A tracked change deleted the end of the paragraph, which joins it with the next one. */
  isOpenEnded: boolean
  /** Texts of boxes that are anchored in the paragraph. They follow it, so that they do not split its sentences. */
  boxes: string[]
}

/**
 * Yields the text of one part of a Word document. Text is in elements named `t` with any prefix. Entities that the part
 * defines are not resolved. `hidingStyles` are the ids from `readHidingStyles`.
 */
export function* wordText(chunks: Iterable<Uint8Array>, hidingStyles: ReadonlySet<string>): Generator<string> {
  /** Open paragraphs. Text goes to the last one; the others are interrupted by a text box. */
  const texts = [new TableText()]
  const paragraphs: Paragraph[] = []
  const runs: { isHidden: boolean }[] = []
  const spans: number[] = []
  let inText = 0
  let leftOut = 0
  const isShown = () => leftOut === 0 && runs.at(-1)?.isHidden !== true

  const parser = xmlParser({
    onOpen(name, value, parent, grandparent) {
      const text = texts.at(-1)!
      const isLeftOut = leftOut > 0
      if (LEFT_OUT.has(name)) leftOut++
      const part = TABLE_PARTS.get(name)
      if (leftOut === 0 && part) text.open(part)
      if (name === 't') inText++
      else if (name === 'p') paragraphs.push({ isHidden: false, isOpenEnded: false, boxes: [] })
      else if (name === 'r')
        runs.push({ isHidden: runs.at(-1)?.isHidden === true || paragraphs.at(-1)?.isHidden === true })
      else if (name === 'txbxContent') texts.push(new TableText())
      else if (name === 'tc' && leftOut === 0) spans.push(1)
      else if (parent === 'r' && BREAKS.has(name)) {
        if (isShown()) text.add(BREAKS.get(name)!)
      } else if (parent === 'rPr' && grandparent === 'r') {
        if (name === 'vanish') runs.at(-1)!.isHidden = isOn(value)
        if (name === 'rStyle' && hidingStyles.has(value ?? '')) runs.at(-1)!.isHidden = true
      } else if (parent === 'rPr' && grandparent === 'pPr') {
        const paragraph = paragraphs.at(-1)
        if (paragraph && (name === 'del' || name === 'moveFrom')) paragraph.isOpenEnded = true
      } else if (parent === 'pPr' && grandparent === 'p') {
        if (name === 'pStyle' && hidingStyles.has(value ?? '')) paragraphs.at(-1)!.isHidden = true
      } else if (parent === 'trPr' && !isLeftOut) {
        if (name === 'del' || (name === 'hidden' && isOn(value))) text.hideRow()
        if (name === 'gridBefore') text.addEmptyCells(columns(value))
      } else if (parent === 'tcPr' && name === 'gridSpan' && leftOut === 0 && spans.length > 0)
        spans[spans.length - 1] = columns(value)
    },
    onText(piece) {
      if (inText > 0 && isShown()) texts.at(-1)!.add(piece)
    },
    onClose(name) {
      const text = texts.at(-1)!
      if (LEFT_OUT.has(name)) leftOut--
      const part = TABLE_PARTS.get(name)
      if (leftOut === 0 && part) {
        text.close(part)
        if (name === 'tbl') text.add('\n')
      }
      if (name === 't') inText--
      else if (name === 'r') runs.pop()
      else if (name === 'p') endParagraph(text, paragraphs.pop()!)
      else if (name === 'tc') text.addEmptyCells(leftOut > 0 ? 0 : spans.pop()! - 1)
      else if (name === 'txbxContent' && texts.length > 1) endBox()
    },
  })

  function endParagraph(text: TableText, { isOpenEnded, boxes }: Paragraph): void {
    if (leftOut > 0) return
    if (!isOpenEnded) text.add('\n\n')
    for (const box of boxes) text.add(box)
  }
  function endBox(): void {
    const box = texts.pop()!
    box.closeAll()
    const paragraph = paragraphs.at(-1)
    if (paragraph) paragraph.boxes.push(box.take())
    else texts.at(-1)!.add(box.take())
  }

  for (const chunk of chunks) {
    parser.write(chunk)
    yield texts[0]!.take()
  }
  parser.end()
  while (texts.length > 1) endBox()
  texts[0]!.closeAll()
  yield texts[0]!.take()
}

/** Returns the ids of styles that hide text, directly or through the style that they are based on. */
export function readHidingStyles(chunks: Iterable<Uint8Array>): string[] {
  const styles = new Map<string, { isHidden?: boolean; basedOn?: string }>()
  let style: { isHidden?: boolean; basedOn?: string } = {}
  const parser = xmlParser({
    onOpen(name, value, parent, grandparent, attributes) {
      if (name === 'style') {
        style = {}
        styles.set(attributeOf(attributes, 'styleId') ?? '', style)
      } else if (name === 'vanish' && parent === 'rPr' && grandparent === 'style') style.isHidden = isOn(value)
      else if (name === 'basedOn' && value !== undefined) style.basedOn = value
    },
    onText() {},
    onClose() {},
  })
  for (const chunk of chunks) parser.write(chunk)
  parser.end()

  function isHidden(id: string | undefined, depth: number): boolean {
    const found = id === undefined ? undefined : styles.get(id)
    // Word nests styles at most ten deep; a longer chain is a cycle.
    if (!found || depth > 10) return false
    return found.isHidden ?? isHidden(found.basedOn, depth + 1)
  }
  return [...styles.keys()].filter((id) => isHidden(id, 0))
}

interface Handlers {
  /** Called for each opening tag. Names have no prefix; `value` is the attribute `val`. */
  onOpen(
    name: string,
    value: string | undefined,
    parent: string | undefined,
    grandparent: string | undefined,
    attributes: Record<string, string>,
  ): void
  onText(text: string): void
  onClose(name: string): void
}

function xmlParser({ onOpen, onText, onClose }: Handlers) {
  const open: string[] = []
  const decoder = new TextDecoder()
  const parser = new Parser(
    {
      onopentag(prefixed, attributes) {
        if (open.length >= MAX_DEPTH) throw new Unreadable(`nests its elements more than ${MAX_DEPTH} deep`)
        const name = localName(prefixed)
        onOpen(name, attributeOf(attributes, 'val'), open.at(-1), open.at(-2), attributes)
        open.push(name)
      },
      ontext: onText,
      onclosetag(prefixed) {
        const name = localName(prefixed)
        // The archive can end within a tag, which then was not opened.
        if (open.at(-1) !== name) return
        open.pop()
        onClose(name)
      },
      onprocessinginstruction(name) {
        if (name === '!DOCTYPE') throw new Unreadable('is a broken docx: it defines its own document type')
      },
    },
    { xmlMode: true },
  )
  return {
    write: (chunk: Uint8Array) => parser.write(decoder.decode(chunk, { stream: true })),
    end: () => parser.end(decoder.decode()),
  }
}

function attributeOf(attributes: Record<string, string>, name: string): string | undefined {
  return Object.entries(attributes).find(([attribute]) => localName(attribute) === name)?.[1]
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1)
}

function isOn(value: string | undefined): boolean {
  return value === undefined || !/^(0|false|off)$/.test(value)
}

function columns(value: string | undefined): number {
  const count = Number(value)
  return Number.isInteger(count) && count > 0 ? Math.min(count, MAX_COLUMNS) : 1
}
