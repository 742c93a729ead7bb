import { describe, expect, test } from 'vitest'
import { pdfOf, pdfOfPages, pdfStream } from '../../test/support/documents.ts'
import { pdfText } from './pdf.ts'

async function read(bytes: Uint8Array): Promise<string> {
  let text = ''
  for await (const piece of pdfText(bytes)) text += piece
  return text.replace(/[ \t]+$/gm, '').trim()
}

const shown = (text: string, x: number, y: number) => `1 0 0 1 ${x} ${y} Tm (${text.replace(/[\\()]/g, '\\$&')}) Tj\n`
const drawn = (operators: string) => pdfOfPages([pdfStream(`BT /F1 10 Tf\n${operators}ET`)])

/** Draws row by row: items at one height are drawn from left to right. */
const rows = (lines: readonly (readonly string[])[], places: readonly number[], top = 780) =>
  lines
    .map((line, i) => line.map((text, column) => (text ? shown(text, places[column]!, top - 12 * i) : '')).join(''))
    .join('')

const LEFT = [
  'The harvest of that year was the',
  'best in living memory, and the',
  'barns could not hold it all. Most',
  'of the grain went by ship to the',
  'towns on the other side.',
]
const RIGHT = [
  'Prices fell in every market of the',
  'coast, and merchants who bought',
  'early lost what they had. In spring',
  'the council opened its own stores',
  'and sold below the price.',
]
const zip = (...columns: string[][]) => columns[0]!.map((_, i) => columns.map((column) => column[i] ?? ''))

describe('C: pdf columns that were drawn row by row', () => {
  test('are read column by column, with a title and full-width text around them', async () => {
    const below = 'A last paragraph goes over the whole width of the page, as the title above did, and ends it.'
    const page =
      shown('A title over both of the columns', 50, 810) + rows(zip(LEFT, RIGHT), [50, 320]) + shown(below, 50, 690)
    expect(await read(drawn(page))).toBe(['A title over both of the columns', ...LEFT, ...RIGHT, below].join('\n'))
  })

  test('can be three', async () => {
    const third = [
      'So ended a year of which people',
      'spoke for a long time, as one',
      'speaks of a flood or a fire that',
      'came over night and changed the',
      'whole land.',
    ]
    expect(await read(drawn(rows(zip(LEFT, RIGHT, third), [20, 210, 400])))).toBe(
      [...LEFT, ...RIGHT, ...third].join('\n'),
    )
  })

  test('can have different lengths and indents', async () => {
    const page = rows(zip(LEFT, ['  Prices fell in every market of', ...RIGHT.slice(1, 4)]), [50, 320])
    expect(await read(drawn(page))).toBe([...LEFT, 'Prices fell in every market of', ...RIGHT.slice(1, 4)].join('\n'))
  })

  test('are also found if each line is a sentence', async () => {
    const left = [
      'The left column says this first.',
      'The left column goes on here.',
      'The left column says a third.',
      'The left column ends with this.',
    ]
    const right = left.map((line) => line.replace('left', 'right'))
    expect(await read(drawn(rows(zip(left, right), [50, 320])))).toBe([...left, ...right].join('\n'))
  })
})

describe('C: pdf text stays in the order in which it was drawn', () => {
  const spaced = (lines: string[][]) => lines.map((line) => line.join(' ')).join('\n')

  test.each([
    [
      'a table of words',
      [
        ['Drink', 'Price'],
        ['Green tea', 'two euro'],
        ['Black coffee', 'three euro'],
        ['Water', 'nothing'],
      ],
      [50, 320],
    ],
    [
      'a table of long names and numbers',
      [
        ['The first of the long names', '1,200'],
        ['the second of the long names', '30'],
        ['the third of the long names', '5,000'],
        ['the fourth of the long names', '7'],
      ],
      [50, 320],
    ],
    [
      'a form of labels and values',
      [
        ['Name of the tenant:', 'Ada Lovelace of London'],
        ['Address of the flat:', 'Main Street 5, Oslo'],
        ['Begin of the lease:', 'the first of June 2026'],
        ['Deposit:', 'three rents'],
      ],
      [50, 320],
    ],
    [
      'a table with three columns',
      [
        ['Country', 'Capital', 'People'],
        ['Norway', 'Oslo', '5.5 million'],
        ['Sweden', 'Stockholm', '10.5 million'],
        ['Denmark', 'Copenhagen', '5.9 million'],
      ],
      [50, 200, 400],
    ],
  ])('%s', async (_, lines, places) => {
    expect(await read(drawn(rows(lines, places)))).toBe(spaced(lines))
  })

  test('columns that were drawn sequentially', async () => {
    const page =
      rows(
        LEFT.map((line) => [line]),
        [50],
      ) +
      rows(
        RIGHT.map((line) => [line]),
        [320],
      )
    expect(await read(drawn(page))).toBe([...LEFT, ...RIGHT].join('\n'))
  })

  test('a single column, its words drawn one by one with uneven gaps', async () => {
    const words = LEFT.map((line) => line.split(' '))
    const page = words
      .map((line, i) => line.map((word, n) => shown(word, 50 + 45 * n + ((i * n) % 4), 780 - 12 * i)).join(''))
      .join('')
    const text = await read(drawn(page))
    expect(text.split('\n').map((line) => line.replace(/\s+/g, ' '))).toEqual(LEFT)
  })

  test('lines of a single column with tabs', async () => {
    const lines = [
      ['1.', 'The tenant pays the rent on the first of each month.'],
      ['2.', 'The landlord keeps the house in repair.'],
      ['3.', 'Both may end the lease with three months of notice.'],
    ]
    expect(await read(drawn(rows(lines, [50, 80])))).toBe(spaced(lines))
  })

  test('rotated text', async () => {
    const rotated = LEFT.map((line, i) => `0 1 -1 0 ${50 + 12 * i} 100 Tm (${line}) Tj\n`).join('')
    expect((await read(drawn(rotated))).replace(/\s+/g, ' ')).toBe(LEFT.join(' '))
  })

  test('a page of more than 50,000 pieces', async () => {
    const block = rows(zip(LEFT, RIGHT), [50, 320])
    const text = await read(drawn(block.repeat(4000)))
    expect(text.split('\n').slice(0, 5)).toEqual(zip(LEFT, RIGHT).map((line) => line.join(' ')))
  })
})

test('C: pdf: the values of form fields follow the text of their page, once each', async () => {
  const field = (rest: string) => `<< /Type /Annot /Subtype /Widget /Rect [100 700 200 720] ${rest} >>`
  const boxes = '/AP << /N << /Yes 5 0 R /Off 5 0 R >> >>'
  const fields = [
    field('/T (name) /TU (Full name:) /FT /Tx /V (Ada\\nLovelace)'),
    field('/T (form1[0].city[0]) /FT /Ch /Opt [[(os) (Oslo)] [(be) (Bergen)]] /V (os)'),
    field('/T (tags) /FT /Ch /Ff 2097152 /Opt [(red) (green)] /V [(red) (green)]'),
    field(`/T (agree) /FT /Btn /V /Yes /AS /Yes ${boxes}`),
    field(`/T (refuse) /FT /Btn /V /Off /AS /Off ${boxes}`),
    field('/T (pin) /FT /Tx /V (never) /Ff 8192'),
    field('/T (internal) /FT /Tx /V (never) /F 2'),
    field('/T (empty) /FT /Tx'),
    field('/T (again) /TU (Full name:) /FT /Tx /V (Ada Lovelace)'),
    '<< /Type /Annot /Subtype /FreeText /Rect [10 10 100 30] /Contents (A note on the page) /DA (/F1 10 Tf) >>',
    '<< /Type /Annot /Subtype /Text /Rect [10 10 100 30] /Contents (never) >>',
  ]
  const places = fields.map((_, i) => `${6 + i} 0 R`).join(' ')
  const form = pdfOf([
    `<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [${places}] >> >>`,
    '<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>',
    `<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Annots [${places}] >>`,
    pdfStream('BT /F1 10 Tf 50 800 Td (A form) Tj ET'),
    '<< /Type /XObject /Subtype /Form /BBox [0 0 1 1] /Length 0 >>\nstream\n\nendstream',
    ...fields,
  ])
  const lines = (await read(form)).split('\n').filter(Boolean)
  expect(lines[0]).toBe('A form')
  expect(lines.slice(1).sort()).toEqual([
    'A note on the page',
    'Full name: Ada Lovelace',
    'agree: Yes',
    'city: Oslo',
    'tags: red, green',
  ])
})
