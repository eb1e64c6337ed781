/** How the plots look, in light and in dark. */
import type { Config } from 'vega'

export const PAPER = '#ffffff'
export const INK = '#1f2328'
export const FAINT = '#59636e'
export const GRID = '#d8dee4'
export const BLUE = '#1f6feb'

/** From the middle of the requests to their slow end. Each has a shape of its own, for eyes that tell no colours apart. */
export const SERIES = {
  colours: ['#54aeff', '#0550ae', '#bc4c00', '#a40e26'],
  shapes: ['circle', 'square', 'triangle-up', 'diamond'],
} as const

/** What each colour is on a dark page. */
const IN_THE_DARK: readonly (readonly [string, string])[] = [
  [PAPER, '#0d1117'],
  [INK, '#f0f6fc'],
  [FAINT, '#9198a1'],
  [GRID, '#30363d'],
  [BLUE, '#58a6ff'],
  [SERIES.colours[0], '#a5d6ff'],
  [SERIES.colours[1], '#58a6ff'],
  [SERIES.colours[2], '#f0883e'],
  [SERIES.colours[3], '#ff7b72'],
]

/** On the root of each picture, so that its style reaches nothing else on a page that holds it. */
export const ROOT_CLASS = 'fairlead-plot'

/** Rules that win over the colours in attributes. */
export const DARK_STYLE = `@media (prefers-color-scheme:dark){${IN_THE_DARK.flatMap(([light, dark]) =>
  ['fill', 'stroke'].map((what) => `.${ROOT_CLASS} [${what}="${light}"]{${what}:${dark}}`),
).join('')}}`

export const MARGIN = 16

const FONT = 'system-ui, sans-serif'
const SMALL = 11
const MEDIUM = 12
const LARGE = 15

export const CONFIG: Config = {
  background: PAPER,
  axis: {
    domainColor: GRID,
    gridColor: GRID,
    tickColor: GRID,
    labelColor: FAINT,
    labelFont: FONT,
    labelFontSize: SMALL,
    labelLimit: 0,
    labelPadding: 6,
    titleColor: INK,
    titleFont: FONT,
    titleFontSize: MEDIUM,
    titleFontWeight: 'normal',
    titleLimit: 0,
    titlePadding: 8,
  },
  legend: {
    labelColor: INK,
    labelFont: FONT,
    labelFontSize: MEDIUM,
    labelLimit: 0,
    titleColor: INK,
    titleFont: FONT,
    titleFontSize: MEDIUM,
    titleFontWeight: 'normal',
    titleLimit: 0,
  },
  title: { color: INK, font: FONT, fontSize: LARGE, fontWeight: 600, limit: 0, offset: 14 },
  style: { label: { fill: INK, font: FONT, fontSize: MEDIUM, limit: 0 } },
}

/** What is written beside an axis, by an expression of Vega's over `datum.value`. */
export const labels = (expression: string) => ({ labels: { update: { text: { signal: expression } } } })

/** Letters in a line of the title: as many as stand over most pictures by Vega's own, generous estimate. It widens the others. */
const TITLE_LETTERS = 70
/** Letters that are as wide as they are high: they count for two. */
const WIDE = /[\u1100-\uffff]/g

const lettersOf = (words: string): number => words.length + (words.match(WIDE)?.length ?? 0)

/** A title in lines that are not cut off. */
export function titleLines(title: string): string[] {
  const lines = ['']
  for (const word of title.split(/\s+/).filter(Boolean).flatMap(pieces)) {
    const longer = `${lines.at(-1)} ${word}`.trim()
    if (lettersOf(longer) <= TITLE_LETTERS) lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines
}

/** A word, in pieces where it is longer than a line. */
const pieces = (word: string): string[] => word.match(new RegExp(`.{1,${TITLE_LETTERS / 2}}`, 'gsu')) ?? []
