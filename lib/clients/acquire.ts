import { tierOf } from '../admission/tier.js'
import type { Stay } from '../admission/waiter.js'
import type { Asker, BalancerCore } from '../balancer/balancer.js'
import type { ServiceRuntime } from '../balancer/service-runtime.js'
import { ArgumentError, DeadlineError } from '../errors.js'
import type { AcquireOptions, Lease, PickRequest } from '../model/index.js'
import { deadlineAt, type ScopedOptions } from './deadline.js'

const NO_OPTIONS: AcquireOptions = Object.freeze({})
const NO_PICK: ScopedOptions = Object.freeze({})

/** `balancer.acquire`. @param scope pick options of `balancer.with` around the call */
export function acquire(
  core: BalancerCore,
  request: string | PickRequest,
  scope: ScopedOptions | undefined,
  options: AcquireOptions = NO_OPTIONS,
): Promise<Lease> {
  // No async function: most requests find a place at once.
  try {
    const isName = typeof request === 'string'
    const service = core.known(isName ? request : request?.service)
    const { signal } = checked(options)
    if (signal?.aborted) return Promise.reject(signal.reason)
    const pick: ScopedOptions = isName ? (scope ?? NO_PICK) : { ...scope, ...request }
    const tier = tierOf(options.priority === undefined ? pick : options)
    const deadlineMs = leftMs(core, pick, options)
    if (deadlineMs !== undefined && deadlineMs <= 0)
      throw new DeadlineError(`The deadline of this request for service "${service.name}" is over`)
    if (deadlineMs !== undefined) service.impatience.noteDeadline(deadlineMs)
    core.control(service, tier)
    const place = core.placeNow(service, pick, MAY_MOVE)
    return place === undefined ? waited(core, service, pick, tier, deadlineMs, signal) : resolved(place)
  } catch (error) {
    return Promise.reject(error)
  }
}

/** Natively some 25 ns less than `Promise.resolve`, of 260 in all. */
async function resolved(place: Lease): Promise<Lease> {
  return place
}

/** A function of its own, so that nothing is allocated for its closures where a place was free. */
function waited(
  core: BalancerCore,
  service: ServiceRuntime,
  pick: ScopedOptions,
  tier: number,
  deadlineMs: number | undefined,
  signal: AbortSignal | undefined,
): Promise<Lease> {
  return new Promise((placed, failed) => {
    const asker = { tier, deadlineMs, placed, failed }
    const wait = (one: Asker) => core.admit(service, { pick, mayMove: MAY_MOVE }, one)
    if (signal === undefined) wait(asker)
    else untilAborted(signal, asker, wait)
  })
}

/** What callers do with their leases is not known: a probe is as good to them as any other place. */
const MAY_MOVE = true

/** Until the deadline, ms; undefined: there is none. */
function leftMs(core: BalancerCore, pick: ScopedOptions, options: AcquireOptions): number | undefined {
  if (pick.deadlineMs === undefined && pick.deadlineAt === undefined && options.deadlineMs === undefined)
    return undefined
  const now = core.now()
  const at = Math.min(deadlineAt(pick, now), deadlineAt(options, now))
  return at === Number.POSITIVE_INFINITY ? undefined : at - now
}

/** Waits until the signal says no. */
function untilAborted(signal: AbortSignal, asker: Asker, wait: (asker: Asker) => Stay | undefined): void {
  const stopListening = (): void => signal.removeEventListener('abort', onAbort)
  const stay = wait({
    ...asker,
    placed: (lease) => {
      stopListening()
      asker.placed(lease)
    },
    failed: (error) => {
      stopListening()
      asker.failed(error)
    },
  })
  function onAbort(): void {
    stay?.leave()
    asker.failed(signal.reason)
  }
  if (stay !== undefined) signal.addEventListener('abort', onAbort, { once: true })
}

function checked(options: AcquireOptions): AcquireOptions {
  if (typeof options !== 'object' || options === null)
    throw new ArgumentError(`acquire() takes options like { deadlineMs: 500 }, not ${String(options)}`)
  const { signal } = options
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new ArgumentError(`signal is ${String(signal)}; it takes an AbortSignal`)
  return options
}
