/**
 * How many requests admission control rejects, and whose: arithmetic over plain numbers.
 *
 * The share to reject is Envoy's (the admission control filter), which is that of client-side throttling in Google's *Site
 * Reliability Engineering*, "Handling Overload". Whose it is follows the order of the tiers, as Uber's Cinnamon makes a priority
 * threshold of a share. docs/decisions/0021-admission-control.md tells why.
 */

/** What has become of the requests of a window. Counts are 0 or more. */
export interface Outcomes {
  /** Requests that ended well or badly, and those that ended well. */
  readonly ended: number
  readonly succeeded: number
}

export interface RejectionOptions {
  /** Share of requests that end well, above 0, at most 1: below that requests are rejected. */
  readonly threshold: number
  /** The most that is rejected of all, and of any tier, 0 to 1. */
  readonly most: number
  /** At least 1. */
  readonly aggression: number
}

/** Share of requests that ended well, 0 to 1; 1 where none has ended. */
export const successRate = ({ ended, succeeded }: Outcomes): number =>
  ended <= 0 ? 1 : Math.min(1, succeeded / ended)

/**
 * Share of all requests to reject, 0 to `most`: ((ended - succeeded / threshold) / (ended + 1)) ^ (1 / aggression). The 1 keeps it
 * from rejecting on no evidence; it goes to 1 - rate / threshold.
 */
export function rejectionProbability({ ended, succeeded }: Outcomes, options: RejectionOptions): number {
  const { threshold, most, aggression } = options
  const share = (ended - succeeded / threshold) / (ended + 1)
  if (!(share > 0)) return 0
  return Math.min(most, aggression === 1 ? share : share ** (1 / aggression))
}

/**
 * Share of a tier's requests to reject, 0 to `most`, where `probability` of all are to be rejected: as many as are left to reject once
 * all lower tiers have lost `most` of theirs. So a tier loses requests only where each lower one loses as many as it may, and all
 * tiers together lose `probability`, which is never more than `most`.
 *
 * @param asked requests of each tier in the window, 0 first; rejected ones included
 */
export function tierProbability(
  tier: number,
  probability: number,
  most: number,
  asked: ArrayLike<number>,
): number {
  if (probability <= 0) return 0
  let all = 0
  let lower = 0
  for (let one = 0; one < asked.length; one++) {
    all += asked[one]
    if (one > tier) lower += asked[one]
  }
  const left = probability * all - most * lower
  if (left <= 0) return 0
  return asked[tier] > 0 ? Math.min(most, left / asked[tier]) : most
}
