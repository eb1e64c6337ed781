/** Whether three independent counts agree: the callers' outcomes, fairlead's `stats()`, and what the endpoints have read. */
import type { RequestRecord } from '../client/record.js'
import { ENDPOINT_NAMES, type EndpointName, faultyEndpoints, type Row } from '../row.js'
import type { Observation } from './run-row.js'

const FIRST_SERVER_ERROR = 500
const TOO_MANY_REQUESTS = 429
/** No endpoint was picked for it: it counts as `noEndpoint` or `overloaded`, and not as a request. */
const REFUSED = ['FAIRLEAD_NO_ENDPOINT', 'FAIRLEAD_OVERLOADED']

/** What does not agree, in words. */
export function countFaults(row: Row, seen: Observation): string[] {
  const healthy = (name: EndpointName): boolean => !faultyEndpoints(row).includes(name) && !row.apart
  return [
    ...outcomeFaults(row, seen),
    ...ENDPOINT_NAMES.flatMap((name) => tryFaults(name, seen, healthy(name) || row.readsAll)),
  ]
}

/** Callers against `stats()`: each request once, by how it ended. */
function outcomeFaults(row: Row, { report: { records, stats } }: Observation): string[] {
  const count = (matches: (record: RequestRecord) => boolean): number => records.filter(matches).length
  const refused = count(({ tries, code }) => tries === 0 && REFUSED.includes(code ?? ''))
  // A 429 may be told as either: it is an answer, and it is no success.
  const either = count(({ status, end }) => status === TOO_MANY_REQUESTS && end === 'complete')
  const failed = count(
    ({ end, status }) =>
      end === 'failed' || end === 'broken' || (end === 'complete' && status! >= FIRST_SERVER_ERROR),
  )
  const { requests, inFlight } = stats
  const differing: string[] = []
  if (requests + refused !== records.length)
    differing.push(
      `callers sent ${records.length} requests, stats() has ${requests} and ${refused} were refused`,
    )
  if (inFlight !== 0) differing.push(`all requests have ended, stats() has ${inFlight} in flight`)
  const least = failed - refused
  // Where the client's process was at fault, no endpoint's failure is counted.
  const counted = row.apart ? stats.failed + stats.cancelled : stats.failed
  if (counted < least || counted > least + either)
    differing.push(`${least} requests failed or were broken, stats() has ${counted}`)
  return differing
}

/**
 * Tries to one endpoint. `stats()` has each try that undici was given, and the endpoint cannot have read more than were
 * written; where it reads all, it has read exactly those.
 */
function tryFaults(name: EndpointName, { report, received }: Observation, exact: boolean): string[] {
  const counted = report.stats.endpoints[name].requests
  const { created, sent } = report.tries[name]
  const read = received[name].length
  const differing: string[] = []
  if (counted !== created)
    differing.push(`${name}: stats() has ${counted} tries, undici was given ${created}`)
  if (exact ? read !== sent : read > sent)
    differing.push(`${name}: undici has written ${sent} requests, the endpoint has read ${read}`)
  return differing
}
