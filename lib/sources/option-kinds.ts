/** Kinds of option that several sources have. */
import { MAX_MS } from '../options/common.js'
import { number } from '../options/kinds.js'

export const MAX_PORT = 65_535
export const MAX_PATH = 4_096

/** In ms, above 0. */
export const duration = <const Default extends number>(byDefault: Default, about: string, max = MAX_MS) =>
  number({ integer: true, min: 1, max, unit: 'ms', default: byDefault, about })

export function isHttpUrl(url: string): boolean {
  return /^https?:\/\//i.test(url) && URL.canParse(url)
}
