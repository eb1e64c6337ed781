/** A lease of etcd: keys that are put with it go when it ends. */
import { isRecord } from '../options/kinds.js'
import type { Timers } from '../runtime/timers.js'
import { integerOf } from '../sources/etcd/answer.js'
import type { CallOptions, EtcdClient } from '../sources/etcd/client.js'
import { GRPC, RefusedError } from '../sources/etcd/errors.js'

export interface Lease {
  /** A number of 64 bits, as text. */
  readonly id: string
  /** Until when it is certain to live, in monotonic ms. */
  readonly aliveUntil: number
}

/** @param ttlMs etcd counts whole seconds, and may give more */
export async function grantLease(
  client: EtcdClient,
  timers: Timers,
  ttlMs: number,
  options: CallOptions,
): Promise<Lease> {
  const asked = timers.now()
  const { answer, name } = await client.call(
    'lease/grant',
    { TTL: String(Math.ceil(ttlMs / 1_000)) },
    options,
  )
  const id = integerOf(answer.ID, `the ID of ${name}`)
  const seconds = Number(integerOf(answer.TTL, `the TTL of ${name}`))
  if (id <= 0n || seconds <= 0) throw new Error(`${name} answers without a lease`)
  return { id: id.toString(), aliveUntil: asked + seconds * 1_000 }
}

/** The lease with its new end; undefined where etcd does not have it any more. */
export async function keepLeaseAlive(
  client: EtcdClient,
  timers: Timers,
  { id }: Lease,
  options: CallOptions,
): Promise<Lease | undefined> {
  const asked = timers.now()
  const { answer, name } = await client.call('lease/keepalive', { ID: id }, options)
  const result = answer.result
  if (!isRecord(result)) throw new Error(`${name} answers without a \`result\``)
  const seconds = Number(integerOf(result.TTL, `the TTL of ${name}`))
  return seconds > 0 ? { id, aliveUntil: asked + seconds * 1_000 } : undefined
}

/** Its keys are gone when this resolves. */
export async function revokeLease(client: EtcdClient, { id }: Lease, options: CallOptions): Promise<void> {
  try {
    await client.call('lease/revoke', { ID: id }, options)
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}

/** The lease that was named is not there. */
export const isNotFound = (error: unknown): boolean =>
  error instanceof RefusedError && error.grpcCode === GRPC.notFound
