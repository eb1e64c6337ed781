/** How many requests, connections and further tries there may be at a time: `limits` of a service. */
import { MAX_COUNT } from '../options/common.js'
import { choice, flag, group, number } from '../options/kinds.js'
import type { ResolvedOf } from '../options/types.js'

const REQUESTS = { integer: true, min: 0, max: MAX_COUNT } as const

export const LIMITS = group(
  {
    maxRequests: number({
      ...REQUESTS,
      default: 0,
      about: 'Requests in flight to the service as a whole. 0 is no limit.',
    }),
    maxConnections: number({
      ...REQUESTS,
      default: 0,
      about:
        "Connections of fairlead's own to all endpoints, open or being opened; a request over that waits for a free one. 0 is no limit.",
    }),
    maxPending: number({
      ...REQUESTS,
      default: 0,
      about: 'Requests that wait for a connection, to whichever endpoint. 0 is no limit.',
    }),
    maxRetries: number({
      ...REQUESTS,
      default: 0,
      about: 'Further tries under way; one over that is not made. 0: the retry budget alone is the limit.',
    }),
    perEndpoint: group(
      {
        maxRequests: number({
          ...REQUESTS,
          default: 1_024,
          source: 'Envoy',
          about: 'Requests in flight to one endpoint; never exceeded. 0 is no limit.',
        }),
        maxConnections: number({
          ...REQUESTS,
          default: 1_024,
          source: 'Envoy',
          about: "As the service's `maxConnections`, to one endpoint.",
        }),
        maxPending: number({
          ...REQUESTS,
          default: 1_024,
          source: 'Envoy',
          about: "As the service's `maxPending`, at one endpoint; a request over that goes to another one.",
        }),
        maxRetries: number({
          ...REQUESTS,
          default: 0,
          about: "As the service's `maxRetries`, to one endpoint.",
        }),
        adaptive: flag({
          default: true,
          about:
            'Below that, fairlead finds out how many unanswered requests an endpoint takes before they queue up there; where that is no more than is sent, there is no limit but `maxRequests`.',
        }),
      },
      { summary: 'Of each endpoint.' },
    ),
  },
  {
    name: 'LimitsConfig',
    summary:
      'Requests in flight, connections and further tries that are allowed at a time, over all threads; never exceeded. Requests above that are refused by `OverloadedError`.',
  },
)

export type ResolvedLimits = ResolvedOf<typeof LIMITS.shape>

/** A boost::lockfree::queue of fixed size holds 65,534 tickets, and a line has some of requests that have left it. */
const MOST_WAITING = 32_768

export const QUEUE = group(
  {
    limit: number({
      integer: true,
      min: 0,
      max: MOST_WAITING,
      default: 1_024,
      source: 'Envoy: pending requests',
      about: 'Requests that wait for a place, over all threads; above that `OverloadedError`. 0: none waits.',
    }),
    deadlineMs: number({
      integer: true,
      min: 1,
      max: 3_600_000,
      unit: 'ms',
      default: 1_000,
      about: 'Longest wait of a request that has no deadline of its own.',
    }),
    discipline: choice(['codel', 'fifo'], {
      default: 'codel',
      source: 'Facebook',
      about:
        'What a request may wait: with `codel`, where callers are impatient, at most 5 ms while the queue has not been empty for 100 ms (half an answer and ten answers, where those take longer); with `fifo` always until its deadline, which collapses under overload.',
    }),
  },
  {
    name: 'QueueConfig',
    summary: 'Requests that find no place wait in line, first come, first served, over all threads.',
  },
)

export type ResolvedQueue = ResolvedOf<typeof QUEUE.shape>

export const ADMISSION_CONTROL = group(
  {
    successRateThreshold: number({
      min: 1,
      max: 100,
      unit: '%',
      default: 95,
      source: 'Envoy',
      about: 'Share of requests that end well; below that requests are rejected, the more the lower it is.',
    }),
    maxRejectionProbability: number({
      min: 0,
      max: 100,
      unit: '%',
      default: 80,
      source: 'Envoy',
      about:
        'Largest share of requests that is rejected, of all and of each tier. The others find out whether the service is well again.',
    }),
    windowMs: number({
      integer: true,
      min: 1_000,
      max: 3_600_000,
      unit: 'ms',
      default: 30_000,
      source: 'Envoy',
      about: 'Outcomes of this long count, over all threads; older ones fall out a tenth at a time.',
    }),
    aggression: number({
      min: 1,
      max: 100,
      default: 1,
      source: 'Envoy',
      about: 'With 1 rejections grow in line with failures; above that they begin with more at once.',
    }),
    rpsThreshold: number({
      min: 0,
      max: MAX_COUNT,
      unit: 'requests/s',
      default: 0,
      source: 'Envoy',
      about: 'Nothing is rejected while fewer requests are made: a few outcomes say little.',
    }),
  },
  {
    name: 'AdmissionControlConfig',
    summary:
      'Rejects a share of the requests at once while too many fail, those of the lowest tiers first (`priority`); `OverloadedError`.',
    orTrue: 'on, with the defaults of its options',
    off: true,
  },
)

export type ResolvedAdmissionControl = ResolvedOf<typeof ADMISSION_CONTROL.shape>
