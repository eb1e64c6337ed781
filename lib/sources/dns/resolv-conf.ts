/** The parts of resolv.conf(5) that say where to ask and for which names. */
import { isIP } from 'node:net'

const MAX_SEARCH = 6
const MAX_NDOTS = 15
const DEFAULT_NDOTS = 1

export interface ResolvConf {
  /** Addresses; their port is 53. */
  readonly servers: string[]
  readonly search: string[]
  readonly ndots: number
}

/** Of `search` and `domain` the last line counts, as with the C library. What is not understood is passed over. */
export function readResolvConf(text: string): ResolvConf {
  const servers: string[] = []
  let search: string[] = []
  let ndots = DEFAULT_NDOTS
  for (const line of text.split(/\r?\n/)) {
    const [keyword, ...values] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/)
    const [first = ''] = values
    if (keyword === 'nameserver' && isIP(first) !== 0) servers.push(first)
    else if (keyword === 'search') search = values
    else if (keyword === 'domain') search = values.slice(0, 1)
    else if (keyword === 'options') ndots = values.reduce(ndotsOf, ndots)
  }
  // "." is the root: the name as it is, which is tried anyway.
  return { servers, search: search.filter((domain) => domain !== '.').slice(0, MAX_SEARCH), ndots }
}

function ndotsOf(present: number, option: string): number {
  const [, digits] = /^ndots:(\d+)$/.exec(option) ?? []
  return digits === undefined ? present : Math.min(Number(digits), MAX_NDOTS)
}
