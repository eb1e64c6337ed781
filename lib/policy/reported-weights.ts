import type { LoadReport } from '../model/index.js'
import type { Candidate } from './policy.js'

export interface ReportedWeightsOptions {
  readonly blackoutMs: number
  readonly expiryMs: number
  readonly errorPenalty: number
}

interface Reported {
  weight: number
  /** Since when it has reported without a gap, ms. */
  since: number
  /** When its last report came, ms. */
  at: number
}

/**
 * Weight of an endpoint from its report (gRPC A58): requests a second over utilization, which is how many it could answer
 * if it were fully used. Errors count as use, so that failing fast is no way to more traffic. NaN where it says nothing.
 */
export function weightOf(report: LoadReport, errorPenalty: number): number {
  const { applicationUtilization = 0, cpuUtilization = 0, rps = 0, eps = 0 } = report
  const utilization = applicationUtilization > 0 ? applicationUtilization : cpuUtilization
  if (!(rps > 0) || !(utilization > 0)) return Number.NaN
  const penalty = eps > 0 ? (eps / rps) * errorPenalty : 0
  const weight = rps / (utilization + penalty)
  return weight > 0 && Number.isFinite(weight) ? weight : Number.NaN
}

/** The weights that endpoints have reported, each counting from the end of its blackout until it is too old. */
export class ReportedWeights {
  readonly #options: ReportedWeightsOptions
  readonly #reported = new Map<Candidate, Reported>()

  constructor(options: ReportedWeightsOptions) {
    this.#options = options
  }

  /** False where the report says nothing of use. */
  add(member: Candidate, report: LoadReport, now: number): boolean {
    const weight = weightOf(report, this.#options.errorPenalty)
    if (Number.isNaN(weight)) return false
    const known = this.#reported.get(member)
    const gap = known === undefined || now - known.at >= this.#options.expiryMs
    this.#reported.set(member, { weight, at: now, since: gap ? now : known.since })
    return true
  }

  /**
   * Weights by position: the mean of the reported ones stands for endpoints without. Undefined where fewer than two have
   * one. Endpoints that are not in `members` are forgotten.
   */
  weights(members: readonly Candidate[], now: number): Float64Array | undefined {
    const { blackoutMs, expiryMs } = this.#options
    const present = new Set(members)
    for (const member of this.#reported.keys()) if (!present.has(member)) this.#reported.delete(member)
    const weights = new Float64Array(members.length).fill(Number.NaN)
    let sum = 0
    let count = 0
    members.forEach((member, i) => {
      const reported = this.#reported.get(member)
      if (reported === undefined || now - reported.at >= expiryMs || now - reported.since < blackoutMs) return
      weights[i] = reported.weight
      sum += reported.weight
      count++
    })
    if (count < 2) return undefined
    const mean = sum / count
    return weights.map((weight) => (Number.isNaN(weight) ? mean : weight))
  }
}
