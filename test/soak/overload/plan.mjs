// What the soak under overload is made of: its services, what a request may come to, and where threads count.

/**
 * Capacity of a service is what its first `endpoints` serve; one more comes and goes. Half of the services have all defaults, of the
 * others `limits.perEndpoint.maxRequests` is given. Few requests a second, so that two busy cores can send four times as many.
 */
export const SERVICES = [
  { name: 'users', endpoints: 3, workers: 2, meanMs: 80, isLimited: false },
  { name: 'orders', endpoints: 3, workers: 1, meanMs: 60, isLimited: false },
  { name: 'media', endpoints: 3, workers: 4, meanMs: 200, isLimited: true },
  { name: 'search', endpoints: 3, workers: 1, meanMs: 80, isLimited: true },
]
export const SPARE = 1
/** Requests a second. */
export const capacityOf = ({ endpoints, workers, meanMs }) => (endpoints * workers * 1_000) / meanMs

/** Threads that send: the main one, and workers. */
export const THREADS = 5

/**
 * Codes with which a request may fail here, and why: no place in time; its deadline; every endpoint drained or out; an endpoint that
 * was killed before or while it answered. A deadline's code is expected only where the request has one.
 */
export const EXPECTED_CODES = [
  'FAIRLEAD_OVERLOADED',
  'FAIRLEAD_DEADLINE',
  'FAIRLEAD_NO_ENDPOINT',
  'ECONNREFUSED',
  'ECONNRESET',
  'UND_ERR_SOCKET',
]

/** What a change may fail with where another thread was first: an endpoint is gone, or there already. */
export const EXPECTED_OF_CHANGES = ['FAIRLEAD_UNKNOWN_ENDPOINT', 'FAIRLEAD_ARGUMENT']

/** A row of shared counts, one for each thread that is ever started, so that those of a terminated one are still there. */
export const COUNT = {
  SENT: 0,
  ANSWERED: 1,
  FAILED: 2,
  ABORTED: 3,
  /** Requests that were told twice how they ended. */
  TWICE: 4,
  /** From here on, by code. */
  CODES: 5,
  /** From here on, by service: answered while their callers were there. */
  GOOD: 5 + EXPECTED_CODES.length,
  WORDS: 5 + EXPECTED_CODES.length + SERVICES.length,
}
/** Rows at most: a thread is terminated every second or two. */
export const MOST_ROWS = 16_384

/** Requests of a row that have ended. */
export const endedOf = (counts, row) => {
  const at = row * COUNT.WORDS
  return counts[at + COUNT.ANSWERED] + counts[at + COUNT.FAILED] + counts[at + COUNT.ABORTED]
}

/** A configuration as chance has it. `urls`: of each service's endpoints, the spare one last. */
export function randomConfig(below, urls) {
  const one = (...values) => values[below(values.length)]
  const services = {}
  for (const { name, endpoints, workers, isLimited } of SERVICES) {
    const adaptive = below(4) !== 0
    services[name] = {
      endpoints: urls[name].filter((_, i) => i < endpoints - 1 || below(2) === 0),
      limits: {
        maxRequests: one(0, 0, 0, 4 * endpoints * workers),
        perEndpoint: isLimited ? { maxRequests: workers * one(1, 2, 3), adaptive } : { adaptive },
      },
      queue: {
        limit: one(1_024, 1_024, 64, 4, 0),
        deadlineMs: one(1_000, 1_000, 200),
        // With `codel` few wait for longer than 5 ms, and threads that end have nobody waiting.
        discipline: isLimited ? one('codel', 'fifo', 'fifo') : one('codel', 'codel', 'fifo'),
      },
    }
  }
  return { services }
}

/** As the run begins: defaults, and limits where they are to be given. */
export function firstConfig(urls) {
  const services = {}
  for (const { name, endpoints, workers, isLimited } of SERVICES)
    services[name] = {
      endpoints: urls[name].slice(0, endpoints),
      ...(isLimited && { limits: { perEndpoint: { maxRequests: 2 * workers } } }),
    }
  return { services }
}

export const LAST_PLACES = 5
/** In the end: so many places an endpoint, to be counted one by one. */
export function lastConfig(urls) {
  const services = {}
  for (const { name, endpoints } of SERVICES)
    services[name] = {
      endpoints: urls[name].slice(0, endpoints),
      limits: { perEndpoint: { maxRequests: LAST_PLACES, adaptive: false } },
      queue: { discipline: 'fifo', deadlineMs: 60_000 },
    }
  return { services }
}
