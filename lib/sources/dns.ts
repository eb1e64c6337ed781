/** Endpoints from DNS: the addresses of a name, asked for again when they are out of date. */
import { getServers } from 'node:dns'
import { readFileSync } from 'node:fs'
import type { Timers } from '../runtime/timers.js'
import { AskedToWaitError } from './backoff.js'
import { addressFault } from './dns/address-range.js'
import { DnsError } from './dns/errors.js'
import { type Answer, type Found, lookup } from './dns/lookup.js'
import { readResolvConf } from './dns/resolv-conf.js'
import { SilentServers } from './dns/silent-servers.js'
import type { ResolvedDns } from './options.js'
import { type Look, Poller } from './poller.js'
import type { RunningSource, SourceSink } from './source.js'

const RESOLV_CONF = '/etc/resolv.conf'
/** A TTL of 0 does not mean to ask without a pause. */
const LEAST_TTL_MS = 1_000
/** Several servers, twice, and the addresses of SRV targets. */
const LOOKUPS = 8
const MAX_PRIORITY = 127
const FAULTS_SHOWN = 5
/** A name that there is none of may come to be before its zone lets that be known. */
const MOST_NEGATIVE_TTL_MS = 30_000

export function startDns(options: ResolvedDns, sink: SourceSink, timers: Timers): RunningSource {
  const system = systemResolver()
  const servers = options.servers ?? system.servers
  const silence = new SilentServers(() => timers.now())
  const polling = {
    intervalMs: LEAST_TTL_MS,
    timeoutMs: options.timeout * Math.max(LOOKUPS, 2 * servers.length),
    look: (signal: AbortSignal) => look(options, { ...system, servers, silence }, signal),
    refused: () => {},
  }
  return new Poller(polling, sink, timers)
}

interface Resolver {
  readonly servers: readonly string[]
  readonly search: readonly string[]
  readonly ndots: number
  readonly silence: SilentServers
}

function systemResolver(): Omit<Resolver, 'silence'> {
  let text = ''
  try {
    text = readFileSync(RESOLV_CONF, 'utf8')
  } catch {
    // Not there on Windows: Node knows the servers, and names are taken as they are.
  }
  return { ...readResolvConf(text), servers: getServers() }
}

async function look(options: ResolvedDns, resolver: Resolver, signal: AbortSignal): Promise<Look> {
  const { name } = options
  const { records, ttlMs } = await ask(options, resolver, signal)
  const faults = new Map(
    records.flatMap(({ address }) => {
      const fault = addressFault(address, options.addresses)
      return fault === undefined ? [] : [[address, fault]]
    }),
  )
  const taken = records.filter(({ address }) => !faults.has(address))
  if (taken.length === 0) throw new Error(leftOutText(name, faults, 'all'))
  return {
    endpoints: taken.map((record) => endpointOf(record, options)),
    nextMs: Math.max(LEAST_TTL_MS, ttlMs),
    ...(faults.size > 0 && {
      leftOut: leftOutText(name, faults, `${faults.size} of ${faults.size + taken.length}`),
    }),
  }
}

/** That there is none holds for a while as well, and is not asked again before. */
async function ask(
  { name, type, timeout: timeoutMs }: ResolvedDns,
  { silence, ...resolver }: Resolver,
  signal: AbortSignal,
): Promise<Answer> {
  try {
    return await lookup({ name, type, timeoutMs, ...resolver }, signal, silence)
  } catch (error) {
    if (!(error instanceof DnsError) || error.negativeTtlMs === 0) throw error
    const waitMs = Math.min(error.negativeTtlMs, MOST_NEGATIVE_TTL_MS)
    throw new AskedToWaitError(error.message, waitMs, { cause: error })
  }
}

function leftOutText(name: string, faults: ReadonlyMap<string, string>, which: string): string {
  const shown = [...faults].slice(0, FAULTS_SHOWN).map(([address, fault]) => `${address} ${fault}`)
  const more = faults.size > shown.length ? `, and ${faults.size - shown.length} more` : ''
  return `DNS gives addresses of "${name}" that are left out, ${which}: ${shown.join(', ')}${more}; check the zone, or the option \`addresses\``
}

/** SRV's priority 0 is preferred, as ours is; its weight 0 means hardly any traffic, and ours must be above. */
function endpointOf(
  { address, port, priority, weight }: Found,
  { scheme, port: given, common }: ResolvedDns,
): object {
  const host = address.includes(':') ? `[${address}]` : address
  const at = port ?? given
  return {
    ...common,
    url: `${scheme}://${host}${at === undefined ? '' : `:${at}`}`,
    ...(priority !== undefined && { priority: Math.min(MAX_PRIORITY, priority) }),
    ...(weight !== undefined && { weight: Math.max(1, weight) }),
  }
}
