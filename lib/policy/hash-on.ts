import type { HashOnConfig, PickOptions } from '../model/index.js'
import { TOKEN } from '../options/common.js'
import type { Faults } from '../options/faults.js'
import { exactly, group, isRecord, text, ts } from '../options/kinds.js'
import { quoted } from '../options/words.js'

export const HASH_ON = group(
  {
    header: text({
      right: 'the name of a header',
      pattern: TOKEN,
      defaultText: 'none',
      about: 'Takes the hash key from this request header.',
    }),
    cookie: text({
      right: 'the name of a cookie',
      pattern: TOKEN,
      defaultText: 'none',
      about: 'Takes the hash key from this cookie.',
    }),
    query: text({
      right: 'the name of a query parameter',
      pattern: /./,
      defaultText: 'none',
      about: 'Takes the hash key from this query parameter.',
    }),
    path: exactly(true, {
      message: () => 'must be true, or left out',
      type: 'true',
      range: 'true',
      ts: ts<boolean>('boolean'),
      defaultText: 'none',
      about: "Takes the hash key from the URL's path.",
    }),
  },
  {
    name: 'HashOnConfig',
    off: true,
    summary: 'Where the hash key comes from when the request brings none: exactly one of these.',
  },
)

/** How the options go together, whether or not each of them is right. */
export function checkHashOn(hashOn: unknown, path: string, faults: Faults): void {
  if (!isRecord(hashOn)) return
  const keys = Object.keys(HASH_ON.shape)
  const given = keys.filter((key) => Object.hasOwn(hashOn, key))
  if (given.length !== 1)
    faults.add(
      path,
      `must have exactly one of ${quoted(keys)}; it has ${given.length === 0 ? 'none' : quoted(given)}`,
    )
}

/** Header names reach the balancer in lower case. */
export const resolveHashOn = (hashOn: HashOnConfig): HashOnConfig =>
  hashOn.header === undefined ? hashOn : { header: hashOn.header.toLowerCase() }

/**
 * The request with the key that `hashOn` finds in its headers or path; its own key stands above that. What the service
 * was told to hash on stands above the client's address, which counts where there is no such header, cookie or parameter.
 */
export function withKey(request: PickOptions, hashOn: HashOnConfig): PickOptions {
  if (request.key !== undefined) return request
  const key = keyIn(request, hashOn)
  return key === undefined ? request : { ...request, key, clientIp: undefined }
}

function keyIn(request: PickOptions, hashOn: HashOnConfig): string | undefined {
  const { header, cookie, query, path } = hashOn
  if (header !== undefined) return first(request.headers?.[header.toLowerCase()])
  if (cookie !== undefined) return cookieValue(first(request.headers?.['cookie']), cookie)
  if (request.path === undefined) return undefined
  const mark = request.path.indexOf('?')
  if (path === true) return mark < 0 ? request.path : request.path.slice(0, mark)
  if (query !== undefined && mark >= 0)
    return new URLSearchParams(request.path.slice(mark)).get(query) ?? undefined
  return undefined
}

/** A header's value as it is sent: undici takes numbers too, and writes them as text. */
function first(value: string | string[] | undefined): string | undefined {
  const one: unknown = Array.isArray(value) ? value[0] : value
  return one === undefined ? undefined : String(one)
}

/** One cookie's value out of a Cookie header, unquoted (RFC 6265, 4.2.1). */
function cookieValue(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    if (equals >= 0 && pair.slice(0, equals).trim() === name)
      return pair
        .slice(equals + 1)
        .trim()
        .replace(/^"(.*)"$/, '$1')
  }
  return undefined
}
