/** What must hold in each row. Times are told, and none of these depends on how fast the machine is. */
import { faultyEndpoints, type Row } from '../row.js'
import { countFaults } from './counts.js'
import { type Figures, sum } from './figures.js'
import { type Observation, RETURN_WITHIN_MS } from './run-row.js'

/** What does not hold, in words; nothing where the row passes. */
export function judge(row: Row, figures: Figures, seen: Observation): string[] {
  const faults = [...seen.ended]
  if (row.apart) faults.push(...ejections(seen))
  else faults.push(...lostGets(figures), ...pointless(row, figures))
  if (figures.sentTwice.length > 0)
    faults.push(`${figures.sentTwice.length} POSTs were read by endpoints more than once`)
  const postsFailed = sum(figures.postsFailed)
  if (row.unprocessed && postsFailed > 0) faults.push(`${postsFailed} POSTs failed that nobody had acted on`)
  if (figures.backMs === undefined)
    faults.push(`${RETURN_WITHIN_MS / 1_000} s after the fault not all endpoints are used again`)
  return [...faults, ...countFaults(row, seen)]
}

function lostGets({ getsFailed, getsHung }: Figures): string[] {
  const failed = sum(getsFailed)
  return [
    ...(failed > 0 ? [`${failed} GETs failed while an endpoint was healthy`] : []),
    ...(getsHung > 0 ? [`${getsHung} GETs hung while an endpoint was healthy`] : []),
  ]
}

/** What is this process's own fault ejects nobody. */
function ejections({ report }: Observation): string[] {
  const ejected = report.changes.filter(({ type }) => type === 'ejected')
  return ejected.length === 0 ? [] : [`${ejected.length} ejections for a fault of the client's own process`]
}

/** A row in which no request met the fault would pass whatever fairlead does. */
function pointless(row: Row, { faultyShare }: Figures): string[] {
  return faultyShare > 0
    ? []
    : [`no request was sent to ${faultyEndpoints(row).join(' or ')} during the fault`]
}

/** Endpoints answer within 2 ms. */
const SLOW_MEDIAN_MS = 250
const LATE_MS = 1_000

/**
 * Whether the machine had too little time for the row: its client was late, requests were slow before the fault, or an
 * endpoint was so slow to start that no request met its fault.
 */
export function isStarved(row: Row, figures: Figures, { onAt, report }: Observation): boolean {
  const waits = report.records
    .filter(({ headersAt }) => headersAt !== undefined && headersAt < onAt)
    .map(({ sentAt, headersAt }) => headersAt! - sentAt)
    .sort((a, b) => a - b)
  const slow = !(waits[Math.floor(waits.length / 2)] < SLOW_MEDIAN_MS)
  return slow || report.lateMs > LATE_MS || (!row.apart && pointless(row, figures).length > 0)
}
