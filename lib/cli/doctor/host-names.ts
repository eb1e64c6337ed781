/** Endpoints that are written with a host name: what becomes of the name, and what it leads to now. */
import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { parseBalancerConfig } from '../../configuration/parse.js'
import type { BalancerConfig } from '../../model/index.js'
import { balancerConfigOf } from '../balancer-file.js'
import { readConfigFile } from '../config-file.js'

export interface HostName {
  readonly service: string
  readonly url: string
  readonly host: string
  /** One endpoint, whose name Node resolves with each connection; or an endpoint for each address, which a `dns` source finds. */
  readonly resolved: 'at connect' | 'by dns source'
  /** What getaddrinfo gives now; none where it fails. */
  readonly addresses: readonly string[]
  readonly error?: string
  /** What would be better. */
  readonly advice?: string
}

export type Lookup = (host: string) => Promise<readonly LookupAddress[]>

const LOOKUP_MS = 5_000
const LOOPBACK = /^127\.|^::1$/

/** The system's own, as a connection does it; given up after a while, though it may go on behind. */
const systemLookup: Lookup = async (host) => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`there is no answer after ${LOOKUP_MS} ms`)), LOOKUP_MS)
  })
  try {
    return await Promise.race([lookup(host, { all: true }), late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Of a balancer's file or the proxy's.
 * @throws ConfigFileError
 */
export const hostNamesIn = (file: string): Promise<HostName[]> =>
  hostNames(readConfigFile(file, balancerConfigOf))

/** In the order of the configuration. */
export async function hostNames(config: BalancerConfig, find: Lookup = systemLookup): Promise<HostName[]> {
  const written = namesIn(config)
  const found = new Map(
    [...new Set(written.map(({ host }) => host))].map((host) => [host, outcomeOf(find, host)] as const),
  )
  return Promise.all(
    written.map(async (name) => {
      const outcome = await found.get(name.host)!
      const advice = adviceFor(name, outcome.addresses)
      return { ...name, ...outcome, ...(advice !== undefined && { advice }) }
    }),
  )
}

type Written = Pick<HostName, 'service' | 'url' | 'host' | 'resolved'>
type Outcome = Pick<HostName, 'addresses' | 'error'>

function namesIn(config: BalancerConfig): Written[] {
  return [...parseBalancerConfig(config).services].flatMap(([service, { endpoints, sources }]) => [
    ...endpoints
      .filter(({ host }) => isIP(host.replace(/^\[|\]$/g, '')) === 0)
      .map(({ url, host }): Written => ({ service, url, host, resolved: 'at connect' })),
    // What has `resolve: true` is such a source; one that is written as a source has nothing in common to say.
    ...sources.flatMap((source): Written[] => {
      if (source.kind !== 'dns' || source.options.common === undefined) return []
      const { name: host, scheme, port } = source.options
      return [
        {
          service,
          url: `${scheme}://${host}${port === undefined ? '' : `:${port}`}`,
          host,
          resolved: 'by dns source',
        },
      ]
    }),
  ])
}

async function outcomeOf(find: Lookup, host: string): Promise<Outcome> {
  try {
    return { addresses: [...new Set((await find(host)).map(({ address }) => address))] }
  } catch (error) {
    return { addresses: [], error: (error as Error).message }
  }
}

function adviceFor({ url, host, resolved }: Written, addresses: readonly string[]): string | undefined {
  // A name for this machine has one address of each family, and is in no DNS.
  if (resolved !== 'at connect' || addresses.length < 2 || addresses.every((one) => LOOPBACK.test(one)))
    return undefined
  const { port } = new URL(url)
  const dns = `{ name: ${host}${port === '' ? '' : `, port: ${port}`} }`
  return `write { url: '${url}', resolve: true }, or source: { dns: ${dns} }, for an endpoint for each`
}
