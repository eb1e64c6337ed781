/**
 * What no single option can know: how options of one service fit together. Works on the copied data whether or not the
 * rest of it is right, so that these faults are listed together with the others.
 */
import { check } from './check.js'
import { HEALTH_DEFAULTS } from './defaults.js'
import { type Faults, join } from './faults.js'
import { isRecord, TOKEN } from './fields.js'
import type { Schemas } from './schema.js'
import { grouped, quoted, show } from './words.js'

const HASH_KEYS = ['header', 'cookie', 'query', 'path']
/** RFC 9110 field values: no control characters but the tab. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const BAD_HEADER_VALUE = /[\u0000-\u0008\u000a-\u001f\u007f]|[^\u0000-\u00ff]/

export function checkHashOn(hashOn: unknown, path: string, faults: Faults): void {
  if (!isRecord(hashOn)) return
  const given = HASH_KEYS.filter((key) => Object.hasOwn(hashOn, key))
  if (given.length !== 1)
    faults.add(
      path,
      `must have exactly one of ${quoted(HASH_KEYS)}; it has ${given.length === 0 ? 'none' : quoted(given)}`,
    )
}

export function checkHealth(health: unknown, path: string, schemas: Schemas, faults: Faults): void {
  if (!isRecord(health)) return
  const { http, tcp = false, interval = HEALTH_DEFAULTS.interval, timeout } = health
  if (http !== undefined && tcp !== false)
    faults.add(path, 'has both `http` and `tcp`; an endpoint is checked in one way, leave one out')
  if (http === undefined && tcp === false)
    faults.add(
      path,
      "says nothing to check; add `http: { path: '/healthz' }` or `tcp: true`, or leave `health` out",
    )
  if (typeof timeout === 'number' && typeof interval === 'number' && timeout > interval) {
    faults.add(
      join(path, 'timeout'),
      `must be at most \`interval\`, which is ${grouped(interval)} ms; it is ${grouped(timeout)} ms`,
    )
  }
  if (!isRecord(http)) return
  if (http.agent === true && http.method === 'HEAD')
    faults.add(
      join(join(path, 'http'), 'method'),
      "is `HEAD`, which gets no body for the agent's words; use `GET`",
    )
  checkRanges(http.expect, join(join(path, 'http'), 'expect'), faults)
  if (isRecord(http.headers)) checkHeaders(http.headers, join(join(path, 'http'), 'headers'), schemas, faults)
}

function checkRanges(expect: unknown, path: string, faults: Faults): void {
  if (!Array.isArray(expect)) return
  expect.forEach((item: unknown, i) => {
    if (Array.isArray(item) && item.length === 2 && item[0] > item[1]) {
      faults.add(join(path, i), `is a range that ends before it begins; write \`[${item[1]}, ${item[0]}]\``)
    }
  })
}

function checkHeaders(
  headers: Record<string, unknown>,
  path: string,
  schemas: Schemas,
  faults: Faults,
): void {
  for (const [name, value] of Object.entries(headers)) {
    const at = join(path, name)
    if (!TOKEN.test(name)) faults.add(at, `${show(name)} is not the name of a header`)
    const text = check(schemas.header, value, at, faults)
    if (text !== undefined && BAD_HEADER_VALUE.test(text))
      faults.add(at, 'has a character that no header value may have')
  }
}

/** `[base, max]` pairs: an explicit maximum below the base would never be waited for. */
export function checkOrder(
  owner: unknown,
  pairs: readonly (readonly [base: string, max: string])[],
  defaults: Readonly<Record<string, unknown>>,
  path: string,
  faults: Faults,
): void {
  if (!isRecord(owner)) return
  for (const [base, max] of pairs) {
    const least = owner[base] ?? defaults[base]
    const most = owner[max]
    if (typeof least === 'number' && typeof most === 'number' && most < least) {
      faults.add(
        join(path, max),
        `must be at least \`${base}\`, which is ${grouped(least)} ms; it is ${grouped(most)} ms`,
      )
    }
  }
}
