/** How many requests may be in flight: `limits` of a service. */
import { MAX_COUNT } from '../options/common.js'
import { group, number } from '../options/kinds.js'
import type { ResolvedOf } from '../options/types.js'

const REQUESTS = { integer: true, min: 0, max: MAX_COUNT } as const

export const LIMITS = group(
  {
    maxRequests: number({
      ...REQUESTS,
      default: 0,
      about: 'Requests in flight to the service as a whole. 0 is no limit.',
    }),
    perEndpoint: group(
      {
        maxRequests: number({
          ...REQUESTS,
          default: 1_024,
          source: 'Envoy',
          about: 'Requests in flight to one endpoint; never exceeded. 0 is no limit.',
        }),
      },
      { summary: 'Of each endpoint.' },
    ),
  },
  {
    name: 'LimitsConfig',
    summary: 'Requests in flight that are allowed, over all threads; above that `OverloadedError`.',
  },
)

export type ResolvedLimits = ResolvedOf<typeof LIMITS.shape>
