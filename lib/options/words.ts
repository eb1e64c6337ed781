import { distance } from 'fastest-levenshtein'

const LONGEST_QUOTE = 60

/** What a wrong value was, short enough for a message. */
export function show(value: unknown): string {
  if (typeof value === 'string') {
    return value.length > LONGEST_QUOTE
      ? `${JSON.stringify(value.slice(0, LONGEST_QUOTE))}...`
      : JSON.stringify(value)
  }
  if (Array.isArray(value)) return 'an array'
  if (value instanceof Uint8Array) return 'bytes'
  if (typeof value === 'object' && value !== null) return 'an object'
  return String(value)
}

/** "must be X, not Y", or that it is missing. */
export const wrong = (right: string, value: unknown): string =>
  value === undefined ? `is missing; it must be ${right}` : `must be ${right}, not ${show(value)}`

/** 65,535. Not by `toLocaleString`, whose first call takes 10 ms. */
export const grouped = (value: number): string =>
  String(value).replace(/\B(?<!\.\d*)(?=(\d{3})+(?!\d))/g, ',')

export const quoted = (words: readonly string[]): string => words.map((word) => `\`${word}\``).join(', ')

const folded = (word: string): string => word.toLowerCase().replace(/[-_ ]/g, '')

/** The known word that was probably meant: at most a third of its letters differ. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const text = folded(word)
  let best: string | undefined
  let fewest = Math.max(1, Math.floor(text.length / 3)) + 1
  for (const candidate of known) {
    const edits = distance(text, folded(candidate))
    if (edits < fewest) {
      fewest = edits
      best = candidate
    }
  }
  return best
}

/** What other balancers call our options. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  strategy: 'policy',
  algorithm: 'policy',
  lbpolicy: 'policy',
  servers: 'endpoints',
  hosts: 'endpoints',
  upstreams: 'endpoints',
  targets: 'endpoints',
  retries: 'retry',
  healthcheck: 'health',
  healthchecks: 'health',
  outlierdetection: 'outlier',
  pattern: 'service',
  healthythreshold: 'rise',
  unhealthythreshold: 'fall',
}

/** The message of a key that no schema knows: the near miss where there is one, else the known keys. */
export function unknownKey(key: string, known: readonly string[]): string {
  const other = Object.hasOwn(OTHER_NAMES, folded(key)) ? OTHER_NAMES[folded(key)] : undefined
  const meant = nearest(key, known) ?? (other !== undefined && known.includes(other) ? other : undefined)
  if (meant !== undefined) return `unknown key \`${key}\`; did you mean \`${meant}\`?`
  if (known.length === 0) return `unknown key \`${key}\`; nothing can be set here`
  return `unknown key \`${key}\`; known keys: ${quoted(known)}`
}
