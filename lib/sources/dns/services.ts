/** SRV records (RFC 2782), and the addresses of their targets. */
import { ADDRESS_TYPES, type Addresses, addressesOf } from './addresses.js'
import { type ByName, followAliases, indexByName } from './aliases.js'
import type { Answer, Found } from './answer.js'
import type { Asking } from './ask.js'
import { DnsError } from './errors.js'
import { MAX_RECORDS } from './message.js'
import { inParallel } from './parallel.js'
import { type Missing, resolve } from './resolve.js'
import type { ServiceRecord, WireRecord } from './wire.js'

/** Each takes two sockets. */
const TARGETS_AT_A_TIME = 16

export async function lookUpService(
  name: string,
  asking: Asking,
  signal: AbortSignal,
): Promise<Answer | Missing> {
  const service = await resolve(name, 'SRV', asking, signal)
  if (!service.found) return service
  // A target of "." says that there is no such service; nothing can be sent to port 0.
  const usable = service.records.filter(({ target, port }) => target !== '' && port !== 0)
  if (usable.length === 0)
    return missing('all its SRV records have port 0 or the target ".", which stands for no such service')
  const targets = [...new Set(usable.map(({ target }) => target))]
  const hosts = givenAlong(targets, service.additionals) ?? (await askForAll(name, targets, asking, signal))
  return combine(name, usable, hosts, service.ttlMs)
}

/** Undefined unless it has all targets: a server leaves out here what does not fit. */
function givenAlong(
  targets: readonly string[],
  additionals: readonly WireRecord[],
): Map<string, Addresses> | undefined {
  const byName = indexByName(additionals)
  const hosts = new Map<string, Addresses>()
  for (const target of targets) {
    const given = addressesAmong(byName, target)
    if (given.addresses.length === 0) return undefined
    hosts.set(target, given)
  }
  return hosts
}

function addressesAmong(byName: ByName, target: string): Addresses {
  const addresses: string[] = []
  let ttlMs = Number.POSITIVE_INFINITY
  for (const type of ADDRESS_TYPES) {
    const chain = followAliases(byName, target, type)
    if (chain === undefined || chain.records.length === 0) continue
    ttlMs = Math.min(ttlMs, chain.ttlMs)
    for (const record of chain.records) if (record.type !== 'SRV') addresses.push(record.address)
  }
  return { addresses, ttlMs }
}

async function askForAll(
  name: string,
  targets: readonly string[],
  asking: Asking,
  signal: AbortSignal,
): Promise<Map<string, Addresses>> {
  const hosts = new Map<string, Addresses>()
  let taken = 0
  await inParallel(targets, TARGETS_AT_A_TIME, signal, async (target, each) => {
    const answer = await addressesOf(target, ADDRESS_TYPES, asking, each)
    if ('code' in answer) return
    taken += answer.addresses.length
    if (taken > MAX_RECORDS) throw tooMany(name)
    hosts.set(target, answer)
  })
  return hosts
}

/** One for each address and port: of several, the one that clients are to prefer. */
function combine(
  name: string,
  services: readonly ServiceRecord[],
  hosts: ReadonlyMap<string, Addresses>,
  ownTtlMs: number,
): Answer | Missing {
  const found = new Map<string, Found>()
  let ttlMs = ownTtlMs
  const preferred = services.toSorted((a, b) => a.priority - b.priority || b.weight - a.weight)
  for (const { target, port, priority, weight } of preferred) {
    const host = hosts.get(target)
    if (host === undefined) continue
    ttlMs = Math.min(ttlMs, host.ttlMs)
    for (const address of host.addresses) {
      const key = `${address} ${port}`
      if (!found.has(key)) found.set(key, { address, port, priority, weight, target })
    }
    if (found.size > MAX_RECORDS) throw tooMany(name)
  }
  if (found.size === 0) return missing('none of the targets of its SRV records has an address')
  return { records: [...found.values()], ttlMs }
}

const missing = (said: string): Missing => ({ found: false, code: 'NODATA', said, ttlMs: 0 })

const tooMany = (name: string): DnsError =>
  new DnsError('MALFORMED', name, 'SRV', `its targets have more than ${MAX_RECORDS} addresses together`)
