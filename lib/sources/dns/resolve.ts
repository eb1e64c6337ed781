/** The records of one type under one name, wherever its aliases lead. */
import { MAX_ALIASES, type Wanted } from './aliases.js'
import { type Asking, askServers, type ServerAnswer } from './ask.js'
import { DnsError } from './errors.js'
import type { RecordType } from './message.js'
import { isName } from './names.js'
import type { WireRecord } from './wire.js'

/** A server has said that there is none. */
export interface Missing {
  readonly found: false
  readonly code: 'NXDOMAIN' | 'NODATA'
  /** Who said so, and of what name where that is another one. */
  readonly said: string
  /** For how long it holds, ms; 0 where that is not said. */
  readonly ttlMs: number
}

export interface Resolved<R extends Wanted> {
  readonly found: true
  readonly records: readonly R[]
  readonly ttlMs: number
  readonly additionals: readonly WireRecord[]
}

export async function resolve<T extends RecordType>(
  name: string,
  type: T,
  asking: Asking,
  signal: AbortSignal,
): Promise<Resolved<Extract<Wanted, { type: T extends 'SRV' ? 'SRV' : 'A' | 'AAAA' }>> | Missing> {
  let asked = name
  let aliases = 0
  let ttlMs = Number.POSITIVE_INFINITY
  for (;;) {
    const answer = await askServers({ name: asked, type }, asking, signal)
    const { server, chain, additionals } = answer
    aliases += chain.aliases
    ttlMs = Math.min(ttlMs, chain.ttlMs)
    if (answer.exists && chain.records.length > 0)
      return { found: true, records: chain.records as never, ttlMs, additionals }
    if (!answer.exists || chain.aliases === 0) return missing(name, type, answer)
    if (aliases > MAX_ALIASES || !isName(chain.end))
      throw new DnsError('MALFORMED', name, type, aliasFault(server.label, aliases, chain.end))
    asked = chain.end
  }
}

function missing(
  name: string,
  type: RecordType,
  { exists, chain: { end }, server: { label }, negativeTtlMs }: ServerAnswer,
): Missing {
  const said = exists ? `there is no ${type} record` : 'there is no such name'
  const alias = end === name.toLowerCase() ? '' : ` as "${end}", to which it leads`
  return {
    found: false,
    code: exists ? 'NODATA' : 'NXDOMAIN',
    said: `${label} says that ${said}${alias}`,
    ttlMs: negativeTtlMs,
  }
}

const aliasFault = (label: string, aliases: number, end: string): string =>
  aliases > MAX_ALIASES
    ? `${label} gave more than ${MAX_ALIASES} aliases (CNAME) in a row`
    : `${label} gave an alias (CNAME) of "${end}", which is no host name`
