/** Open cells are held in memory until their row ends. Longer rows are written as they stand. */
const MAX_HELD_CHARACTERS = 1024 * 1024
/** Tables that are nested deeper are text without rows. */
const MAX_FRAMES = 300

interface Frame {
  kind: 'table' | 'row' | 'cell'
  /** Of a cell, so far. */
  text: string
  /** Of a row: the texts of its closed cells. */
  cells: string[]
  /** Of a row that is not shown. */
  isHidden: boolean
  /** Of a row: a cell holds a table, so the row arranges parts of a page and is not a row of data. */
  isLayout: boolean
}

/**
 * Collects text that may stand in tables. A row of several cells becomes one line with a tab between two cells, so that
 * an empty cell keeps its place. A row of one cell, or with a table in a cell, keeps the lines of its cells.
 */
export class TableText {
  #out = ''
  /** The last character that was taken, or a line break. */
  #last = '\n'
  #frames: Frame[] = []
  #held = 0

  /** The last character at the place where the next text goes; a line break where nothing stands yet. */
  get last(): string {
    const cell = this.#cell()
    return cell ? (cell.text.at(-1) ?? '\n') : this.#last
  }

  add(text: string): void {
    if (text === '') return
    const [around, innermost] = [this.#frames.at(-2), this.#frames.at(-1)]
    // Cells without a table end where other text begins.
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

  /** What has been collected since the last call, without rows that are still open. */
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

  /** Takes the place of `count` cells that are merged into another one. */
  addEmptyCells(count: number): void {
    const row = this.#row()
    for (let i = 0; i < count; i++) row?.cells.push('')
  }

  /** Leaves the innermost open row out. */
  hideRow(): void {
    const row = this.#row()
    if (row) row.isHidden = true
  }

  /** Closes the innermost frame of this kind, and those in it that are still open. */
  close(kind: Frame['kind']): void {
    const at = this.#frames.findLastIndex((frame) => frame.kind === kind)
    // The end tag of a cell that another one has closed already must not close the cell around the table.
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
