import { type BalancerCore, DEFAULT_TIER } from '../balancer/balancer.js'
import { TIERS } from '../engine/layout.js'
import { ArgumentError } from '../errors.js'
import type { AcquireOptions, Lease, PickOptions, PickRequest } from '../model/index.js'

const NO_OPTIONS: AcquireOptions = Object.freeze({})
const NO_PICK: PickOptions = Object.freeze({})

/** `balancer.acquire`. @param scope pick options of `balancer.with` around the call */
export function acquire(
  core: BalancerCore,
  request: string | PickRequest,
  scope: PickOptions | undefined,
  options: AcquireOptions = NO_OPTIONS,
): Promise<Lease> {
  // Without an async function, since most requests find a place at once.
  return new Promise((placed, failed) => {
    const isName = typeof request === 'string'
    const service = core.known(isName ? request : request?.service)
    const { signal, deadlineMs, priority: tier } = checked(options)
    if (signal?.aborted) return failed(signal.reason)
    const pick = isName ? (scope ?? NO_PICK) : { ...scope, ...request }
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

function checked(options: AcquireOptions): AcquireOptions & { priority: number } {
  if (typeof options !== 'object' || options === null)
    throw new ArgumentError(`acquire() takes options like { deadlineMs: 500 }, not ${String(options)}`)
  const { signal, deadlineMs, priority = DEFAULT_TIER } = options
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new ArgumentError(`signal is ${String(signal)}; it takes an AbortSignal`)
  if (
    deadlineMs !== undefined &&
    !(typeof deadlineMs === 'number' && deadlineMs >= 0 && deadlineMs <= MOST_MS)
  )
    throw new ArgumentError(
      `deadlineMs is ${String(deadlineMs)}; it takes a number of milliseconds, 0 to ${MOST_MS}`,
    )
  if (!(Number.isInteger(priority) && priority >= 0 && priority < TIERS))
    throw new ArgumentError(`priority is ${String(priority)}; it takes a whole number, 0 to ${TIERS - 1}`)
  return { signal, deadlineMs, priority }
}

/** As of `queue.deadlineMs`. */
const MOST_MS = 3_600_000
