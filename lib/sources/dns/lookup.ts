/** Looks a name up, with the time for which the answer holds, which node:dns does not tell of SRV records. */
import { ArgumentError } from '../../errors.js'
import { monotonicNow } from '../../runtime/clock.js'
import { ADDRESS_TYPES, addressesOf } from './addresses.js'
import type { Answer } from './answer.js'
import type { Asking } from './ask.js'
import { DnsError, type DnsErrorCode } from './errors.js'
import { isName, namesToTry, withoutDot } from './names.js'
import type { Missing } from './resolve.js'
import { parseServer } from './server.js'
import { lookUpService } from './services.js'
import { SilentServers } from './silent-servers.js'

export type { Answer, Found } from './answer.js'

export type LookupType = 'A' | 'AAAA' | 'A+AAAA' | 'SRV'

/** What servers answer because of the zone that a name is in. */
const OF_ONE_NAME: ReadonlySet<DnsErrorCode> = new Set(['SERVFAIL', 'REFUSED'])

export interface LookupQuestion {
  /** One that ends in a dot is tried without the search domains. */
  readonly name: string
  readonly type: LookupType
  /** `ip`, `ip:port`, `[v6]` or `[v6]:port`, tried in this order, twice. */
  readonly servers: readonly string[]
  readonly search: readonly string[]
  /** A name with at least so many dots is tried as it is first, one with fewer last. */
  readonly ndots: number
  /** For one question to one server: over UDP, and once more over TCP where the answer was truncated. */
  readonly timeoutMs: number
}

/**
 * Rejects with
 * - a `DnsError` where the servers have no answer, or say that there is none;
 * - an `ArgumentError` where the name is no host name or a server no address;
 * - the reason of `signal`, at once, when that is aborted.
 * @param silence which servers have not answered lately, from one lookup to the next
 */
export async function lookup(
  question: LookupQuestion,
  signal: AbortSignal,
  silence = new SilentServers(monotonicNow),
): Promise<Answer> {
  signal.throwIfAborted()
  const { name, type, search, ndots, timeoutMs } = question
  const own = withoutDot(name)
  if (!isName(own)) throw new ArgumentError(`"${name}" is not a host name that DNS can be asked for`)
  const asking: Asking = { servers: question.servers.map(parseServer), timeoutMs, silence }
  if (asking.servers.length === 0)
    throw new ArgumentError(
      `There is no DNS server to ask for "${name}"; name one, or check /etc/resolv.conf`,
    )

  const tried = namesToTry(name, search, ndots)
  let missing: Missing | undefined
  let failure: DnsError | undefined
  let negativeTtlMs = Number.POSITIVE_INFINITY
  for (const candidate of tried) {
    try {
      const answer = await lookUp(candidate, type, asking, signal)
      if (!('code' in answer)) return answer
      negativeTtlMs = Math.min(negativeTtlMs, answer.ttlMs)
      // Of several, what was said of the name as it was written.
      if (candidate === own) missing = answer
    } catch (error) {
      // Of this name alone: the next one may be of another zone, as resolvers have it.
      if (!(error instanceof DnsError) || !OF_ONE_NAME.has(error.code)) throw error
      failure ??= error
    }
  }
  // It may be this name that there is.
  if (failure !== undefined) throw failure
  const { code, said } = missing!
  const others = tried.length > 1 ? ` (tried: ${tried.join(', ')})` : ''
  throw new DnsError(code, name, type, `${said}${others}`, negativeTtlMs)
}

async function lookUp(
  name: string,
  type: LookupType,
  asking: Asking,
  signal: AbortSignal,
): Promise<Answer | Missing> {
  if (type === 'SRV') return lookUpService(name, asking, signal)
  const hosts = await addressesOf(name, type === 'A+AAAA' ? ADDRESS_TYPES : [type], asking, signal)
  if ('code' in hosts) return hosts
  return { records: hosts.addresses.map((address) => ({ address })), ttlMs: hosts.ttlMs }
}
