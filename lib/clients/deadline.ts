/** Deadlines that travel: from an inbound header to every request made for it, and on with each of them. */
import { ArgumentError } from '../errors.js'
import type { PickOptions } from '../model/index.js'

/** The header that fairlead sends, and knows, unless `client.deadlineHeader` names another: whole ms that are left. */
export const DEADLINE_HEADER = 'fairlead-timeout-ms'
/** gRPC's, which has a form of its own. */
const GRPC_HEADER = 'grpc-timeout'

/** The longest that is taken: longer ones are none. ms */
export const MOST_DEADLINE_MS = 2_147_483_647

/** Pick options with a deadline as a moment on the balancer's clock: `deadlineMs` counts from when it was given. */
export interface ScopedOptions extends PickOptions {
  /** ms on the balancer's clock. */
  deadlineAt?: number
}

/** Options of a scope within another. The earlier deadline holds. @throws ArgumentError */
export function scoped(outer: ScopedOptions | undefined, options: PickOptions, now: number): ScopedOptions {
  const { deadlineMs: _, ...merged }: ScopedOptions = { ...outer, ...options }
  const at = deadlineAt({ ...outer, ...options }, now)
  if (at < Number.POSITIVE_INFINITY) merged.deadlineAt = at
  return merged
}

/** When a request has to be answered, ms on the balancer's clock; infinite: whenever. @throws ArgumentError */
export function deadlineAt(options: ScopedOptions | undefined, now: number): number {
  if (options === undefined) return Number.POSITIVE_INFINITY
  const { deadlineMs, deadlineAt: at = Number.POSITIVE_INFINITY } = options
  if (deadlineMs === undefined) return at
  if (!(typeof deadlineMs === 'number' && deadlineMs >= 0))
    throw new ArgumentError(
      `deadlineMs is ${String(deadlineMs)}; it takes a number of milliseconds, 0 or more`,
    )
  return deadlineMs > MOST_DEADLINE_MS ? at : Math.min(at, now + deadlineMs)
}

/** As a header says it. */
export function deadlineValue(header: string, leftMs: number): string {
  const ms = Math.max(0, Math.floor(leftMs))
  if (header.toLowerCase() !== GRPC_HEADER) return String(ms)
  // At most eight digits.
  return ms < 1e8 ? `${ms}m` : `${Math.floor(ms / MS_PER_SECOND)}S`
}

const MS_PER_SECOND = 1_000
/** ms of gRPC's units (gRPC over HTTP/2, "Timeout"). */
const GRPC_UNITS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: MS_PER_SECOND,
  m: 1,
  u: 1e-3,
  n: 1e-6,
}
const GRPC_TIMEOUT = /^(\d{1,8})([HMSmun])$/
const WHOLE_MS = /^\d{1,15}$/

/**
 * How long an inbound request's caller still waits, in ms; undefined where it does not say, or not in a form that is known. Reads
 * `fairlead-timeout-ms` (whole ms) and `grpc-timeout`; of both the shorter.
 *
 * @param headers of Node's `http`, or a `Headers`
 * @param header another name of the first one
 *
 * @example
 * createServer((request, response) => {
 *   const deadlineMs = deadlineFrom(request.headers)
 *   return balancer.with({ ...(deadlineMs !== undefined && { deadlineMs }) }, () => answer(request, response))
 * })
 */
export function deadlineFrom(
  headers: Headers | Readonly<Record<string, string | string[] | undefined>>,
  header: string = DEADLINE_HEADER,
): number | undefined {
  const own = headerValue(headers, header.toLowerCase())
  const ownMs = own !== undefined && WHOLE_MS.test(own) ? Number(own) : undefined
  const [, digits, unit] = GRPC_TIMEOUT.exec(headerValue(headers, GRPC_HEADER) ?? '') ?? []
  const grpcMs = unit === undefined ? undefined : Number(digits) * GRPC_UNITS[unit]
  if (ownMs === undefined || grpcMs === undefined) return ownMs ?? grpcMs
  return Math.min(ownMs, grpcMs)
}

function headerValue(
  headers: Headers | Readonly<Record<string, string | string[] | undefined>>,
  name: string,
): string | undefined {
  const value = headers instanceof Headers ? headers.get(name) : headers[name]
  return typeof value === 'string' ? value.trim() : undefined
}
