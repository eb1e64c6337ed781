import { type BalancerCore, DEFAULT_TIER } from '../balancer/balancer.js'
import { TIERS } from '../engine/layout.js'
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
  // Without an async function, since most requests find a place at once.
  return new Promise((placed, failed) => {
    const isName = typeof request === 'string'
    const service = core.known(isName ? request : request?.service)
    const { signal } = checked(options)
    if (signal?.aborted) return failed(signal.reason)
    const pick: ScopedOptions = isName ? (scope ?? NO_PICK) : { ...scope, ...request }
    const tier = tierOf(options.priority === undefined ? pick : options)
    const now = core.now()
    const at = Math.min(deadlineAt(pick, now), deadlineAt(options, now))
    const deadlineMs = at === Number.POSITIVE_INFINITY ? undefined : at - now
    if (deadlineMs !== undefined && deadlineMs <= 0)
      return failed(new DeadlineError(`The deadline of this request for service "${service.name}" is over`))
    if (signal === undefined) {
      core.admit(service, { pick, mayMove: true }, { tier, deadlineMs, placed, failed })
      return
    }
    const onAbort = (): void => {
      stay?.leave()
      failed(signal.reason)
    }
    const stopListening = (): void => signal.removeEventListener('abort', onAbort)
    const stay = core.admit(
      service,
      { pick, mayMove: true },
      {
        tier,
        deadlineMs,
        placed: (lease) => {
          stopListening()
          placed(lease)
        },
        failed: (error) => {
          stopListening()
          failed(error)
        },
      },
    )
    if (stay !== undefined) signal.addEventListener('abort', onAbort, { once: true })
  })
}

function checked(options: AcquireOptions): AcquireOptions {
  if (typeof options !== 'object' || options === null)
    throw new ArgumentError(`acquire() takes options like { deadlineMs: 500 }, not ${String(options)}`)
  const { signal } = options
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new ArgumentError(`signal is ${String(signal)}; it takes an AbortSignal`)
  return options
}

/** Tier of the line in which a request waits. @throws ArgumentError */
export function tierOf(options: { readonly priority?: number } | undefined): number {
  const tier = options?.priority ?? DEFAULT_TIER
  if (Number.isInteger(tier) && tier >= 0 && tier < TIERS) return tier
  throw new ArgumentError(`priority is ${String(tier)}; it takes a whole number, 0 to ${TIERS - 1}`)
}
