/** A picture from its description, by Vega: the text of an SVG document that stands for itself. */
import type { Spec } from 'vega'
import { loadVega } from './load-vega.js'
import { CONFIG, DARK_STYLE, MARGIN, ROOT_CLASS, titleLines } from './theme.js'

export async function draw(spec: Spec, title: string): Promise<string> {
  const { parse, View } = await loadVega()
  const whole: Spec = {
    ...spec,
    padding: MARGIN,
    // The size grows with what stands around the plot: no label and no title is cut off.
    autosize: 'pad',
    title: { text: titleLines(title), anchor: 'start', frame: 'bounds' },
  }
  const view = new View(parse(whole, CONFIG), { renderer: 'none' })
  try {
    return standalone(await view.toSVG(), title)
  } finally {
    view.finalize()
  }
}

/**
 * What Vega leaves to the page around a picture: its name, its colours on a dark page, and hints under the pointer. Vega
 * writes each hint as `aria-label`, escaped; browsers show a `<title>`.
 */
function standalone(svg: string, title: string): string {
  // Put in by a function: a text could hold what `replace` takes for a pattern.
  const head = `<title>${escaped(title)}</title><style>${DARK_STYLE}</style>`
  return `${svg
    .replace(/^<svg[^>]*>/, (root) => root.replace('class="marks"', `class="${ROOT_CLASS}"`) + head)
    .replace(/<path aria-label="([^"]*)"([^>]*)\/>/g, '<path aria-label="$1"$2><title>$1</title></path>')
    .replace(/ (transform|d|x2|y2|width|height)="[^"]*"/g, rounded)
    // A line for each element, so that differences can be read. Within a text a new line would be a space.
    .replace(/>(?=<(g|path|line|rect|text|style|\/g|\/svg)\b)/g, '>\n')}\n`
}

/** Two digits after the point: the same text on every machine. */
const rounded = (places: string): string =>
  places.replace(/\d+\.\d{3,}/g, (number) => String(Math.round(Number(number) * 100) / 100))

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }
const escaped = (words: string): string => words.replace(/[&<>]/g, (letter) => ESCAPES[letter])
