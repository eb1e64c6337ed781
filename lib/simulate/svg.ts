/** The few shapes that the plots need. Plotting libraries draw on a DOM, or bring megabytes; this is a page of text. */

const STYLE =
  'text{font:12px system-ui,sans-serif;fill:#24292f}.title{font-size:14px;font-weight:600}.tick{font-size:11px;fill:#57606a}' +
  '.middle{text-anchor:middle}.end{text-anchor:end}.grid{stroke:#d0d7de}.range{stroke:#57606a}'

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escaped = (words: string): string => words.replace(/[&<>"]/g, (letter) => ESCAPES[letter])

/** Two digits after the point: the same text on every machine. */
const at = (value: number): string => String(Math.round(value * 100) / 100)

export const text = (x: number, y: number, words: string, kind: string): string =>
  `<text x="${at(x)}" y="${at(y)}" class="${kind}">${escaped(words)}</text>`

export const line = (x1: number, y1: number, x2: number, y2: number, kind: string): string =>
  `<line x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}" class="${kind}"/>`

export const rect = (
  x: number,
  y: number,
  width: number,
  height: number,
  colour: string,
  hint: string,
): string =>
  `<rect x="${at(x)}" y="${at(y)}" width="${at(width)}" height="${at(height)}" fill="${colour}">` +
  `<title>${escaped(hint)}</title></rect>`

export const svg = (width: number, height: number, title: string, parts: readonly string[]): string =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${at(height)}" width="${width}" height="${at(height)}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}</style>`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n')

const STEPS = [1, 2, 5]

/** Bounds around positive values, and the powers of ten between them, with twos and fives where there are few. */
export function logTicks(values: readonly number[]): { low: number; high: number; ticks: number[] } {
  const least = values.length === 0 ? 1 : Math.min(...values)
  const most = values.length === 0 ? 10 : Math.max(...values)
  const from = Math.floor(Math.log10(least))
  const all: number[] = []
  for (let power = from; 10 ** power <= most * 10; power++)
    for (const step of STEPS) all.push(step * 10 ** power)
  const low = all.findLast((tick) => tick <= least) ?? all[0]
  const high = all.find((tick) => tick > most) ?? most * 2
  const inside = all.filter((tick) => tick >= low && tick <= high)
  const tens = inside.filter((tick) => Number.isInteger(Math.round(Math.log10(tick) * 1e6) / 1e6))
  return { low, high, ticks: inside.length > 10 ? tens : inside }
}

const MS_PER_S = 1_000

/** ms or s with as many digits as say something. */
export function timeLabel(ms: number): string {
  const [value, unit] = ms >= MS_PER_S ? [ms / MS_PER_S, 's'] : [ms, 'ms']
  return `${Number(value.toPrecision(3))} ${unit}`
}
