/** What admission control does, over all threads. Shares are 0 to 1. */
export interface AdmissionControlStats {
  /** Share of the requests of `admissionControl.windowMs` that ended well; 1 where none has ended. */
  readonly successRate: number
  /** Share of all requests that it rejects now. */
  readonly rejectionProbability: number
  /** By `priority`, 0 first: the share that it rejects now, and how many it has rejected so far. */
  readonly tiers: readonly { readonly rejectionProbability: number; readonly rejected: number }[]
}
