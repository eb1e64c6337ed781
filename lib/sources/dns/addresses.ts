/** The addresses of one host. */
import type { Asking } from './ask.js'
import { DnsError } from './errors.js'
import { inParallel } from './parallel.js'
import { type Missing, resolve } from './resolve.js'

export const ADDRESS_TYPES = ['A', 'AAAA'] as const

export interface Addresses {
  readonly addresses: readonly string[]
  readonly ttlMs: number
}

/**
 * Rejects where one of the types cannot be had: half of the addresses would look as if the others had left. Not where it is refused and
 * the other one is answered: so do servers without upstreams for what is not in their zones.
 */
export async function addressesOf(
  name: string,
  types: readonly ('A' | 'AAAA')[],
  asking: Asking,
  signal: AbortSignal,
): Promise<Addresses | Missing> {
  const refusals: DnsError[] = []
  const asked = await inParallel(types, types.length, signal, (type, each) =>
    resolve(name, type, asking, each).catch((error) => {
      if (!(error instanceof DnsError) || error.code !== 'REFUSED') throw error
      refusals.push(error)
      return undefined
    }),
  )
  const answers = asked.filter((answer) => answer !== undefined)
  const resolved = answers.filter((answer) => answer.found)
  if (resolved.length > 0)
    return {
      addresses: [...new Set(resolved.flatMap(({ records }) => records.map(({ address }) => address)))],
      ttlMs: Math.min(...resolved.map(({ ttlMs }) => ttlMs)),
    }
  if (refusals.length > 0) throw refusals[0]
  const none = answers.filter((answer) => !answer.found)
  // The name exists when one of the two says so.
  const missing = none.find(({ code }) => code === 'NODATA') ?? none[0]!
  return { ...missing, ttlMs: Math.min(...none.map(({ ttlMs }) => ttlMs)) }
}
