/** Open cells are kept in memory until their row ends. Longer rows are written without tabs. */
const MAX_HELD_CHARACTERS = 1024 * 1024
/** Tables nested deeper are read as text without rows. */
const MAX_FRAMES = 300

interface Frame {
  kind: 'table' | 'row' | 'cell'
  /** Text of a cell so far. */
  text: string
  /** Texts of the closed cells of a row. */
  cells: string[]
  /** Whether the row is hidden. */
  isHidden: boolean
  /** Whether a cell of the row has a table. Such a row is layout, not data. */
  isLayout: boolean
}

/**
 * Collects text that can be in tables. A row of several cells becomes one line with tabs between cells, so that an empty
 * cell keeps its position. A row of one cell, or with a table in a cell, keeps the lines of its cells.
 */
export class TableText {
  #out = ''
  /** The last returned character, or a line break. */
  #last = '\n'
  #frames: Frame[] = []
  #held = 0

  /** The last character before the position of the next text; a line break if there is none. */
  get last(): string {
    const cell = this.#cell()
    return cell ? (cell.text.at(-1) ?? '\n') : this.#last
  }

  add(text: string): void {
    if (text === '') return
    const [around, innermost] = [this.#frames.at(-2), this.#frames.at(-1)]
    // Cells without a table end before other text.
    if (innermost?.kind === 'row' && around?.kind !== 'table' && text.trim() !== '') this.#closeLast()
    const cell = this.#cell()
    if (cell) {
      cell.text += text
      this.#held += text.length
      if (this.#held > MAX_HELD_CHARACTERS) this.#spill()
    } else {
      this.#out += text
      this.#last = text.at(-1)!
    }
  }

  /** Returns the text since the last call, without open rows. */
  take(): string {
    const out = this.#out
    this.#out = ''
    return out
  }

  open(kind: Frame['kind']): void {
    if (this.#frames.length >= MAX_FRAMES) return
    const row = this.#row()
    if (kind === 'table' && row) row.isLayout = true
    if (kind === 'row') this.#closeUntil('table')
    if (kind === 'cell') {
      this.#closeUntil('row', 'table')
      if (this.#frames.at(-1)?.kind !== 'row') this.#push('row')
    }
    this.#push(kind)
  }

  /** Adds `count` empty cells for cells that are merged into another one. */
  addEmptyCells(count: number): void {
    const row = this.#row()
    for (let i = 0; i < count; i++) row?.cells.push('')
  }

  /** Hides the innermost open row. */
  hideRow(): void {
    const row = this.#row()
    if (row) row.isHidden = true
  }

  /** Closes the innermost frame of this kind and all open frames in it. */
  close(kind: Frame['kind']): void {
    const at = this.#frames.findLastIndex((frame) => frame.kind === kind)
    // The end tag of an already closed cell must not close the cell around the table.
    if (at < this.#frames.findLastIndex((frame) => frame.kind === 'table')) return
    while (at >= 0 && this.#frames.length > at) this.#closeLast()
  }

  closeAll(): void {
    while (this.#frames.length > 0) this.#closeLast()
  }

  #push(kind: Frame['kind']): void {
    this.#frames.push({ kind, text: '', cells: [], isHidden: false, isLayout: false })
  }

  #row(): Frame | undefined {
    return this.#frames.findLast((frame) => frame.kind === 'row')
  }

  #cell(): Frame | undefined {
    return this.#frames.findLast((frame) => frame.kind === 'cell')
  }

  #closeUntil(...kinds: Frame['kind'][]): void {
    while (this.#frames.length > 0 && !kinds.includes(this.#frames.at(-1)!.kind)) this.#closeLast()
  }

  #closeLast(): void {
    const frame = this.#frames.pop()!
    if (frame.kind === 'cell') this.#frames.at(-1)!.cells.push(frame.text)
    else if (frame.kind === 'row') {
      this.#held -= frame.cells.reduce((sum, cell) => sum + cell.length, 0)
      const row = rowText(frame)
      if (row !== '') this.add(this.last === '\n' ? `${row}\n` : `\n${row}\n`)
    }
  }

  #spill(): void {
    this.#held = 0
    for (const frame of this.#frames) {
      this.#out += `${frame.cells.splice(0).join('\n')}\n${frame.text}`
      frame.text = ''
    }
    this.#last = this.#out.at(-1) ?? '\n'
  }
}

function rowText({ cells, isHidden, isLayout }: Frame): string {
  if (isHidden || cells.every((cell) => cell.trim() === '')) return ''
  if (cells.length > 1 && !isLayout) return cells.map((cell) => cell.replace(/\s+/g, ' ').trim()).join('\t')
  return cells
    .map((cell) => cell.replace(/^\n+|\s+$/g, ''))
    .filter((cell) => cell !== '')
    .join('\n')
}
