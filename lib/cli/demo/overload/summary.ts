/** What the overload means, in a table and a few sentences. */
import Table from 'cli-table3'
import { grouped, milliseconds, seconds } from '../format.js'
import { CLIENT_KINDS, CLIENT_NAMES, CLIENT_TITLES, type ClientKind } from '../messages.js'
import { goodputText, millisecondsOrNone, offerText } from './format.js'
import type { OverloadResults } from './run.js'
import { CAPACITY, MEAN_MS, type OverloadPlan, WORKPLACES } from './script.js'

const PLAIN = { head: [], border: [] }
/** A client that sends this late measures itself rather than the servers. */
const LATE_SEND_MS = 50

export function overloadText(plan: OverloadPlan, results: OverloadResults): string {
  return [
    `All servers well, ${offerText(plan)}; what was due from ${seconds(plan.judgedFromMs)} to ${seconds(plan.durationMs)}:`,
    resultTable(results),
    '',
    ...meaning(plan, results),
    ...overloadNotes(results),
  ].join('\n')
}

function resultTable(results: OverloadResults): string {
  const table = new Table({
    head: ['', 'requests', 'in time', 'of capacity', 'p99 ms', 'refused', 'gave up', 'errors'],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right', 'right'],
    style: PLAIN,
  })
  for (const kind of CLIENT_KINDS) {
    const { judged, latencyMs } = results[kind]
    table.push([
      CLIENT_TITLES[kind],
      grouped(judged.requests),
      grouped(judged.inTime),
      goodputText(judged.goodput),
      millisecondsOrNone(latencyMs.p99),
      grouped(judged.refused),
      grouped(judged.gaveUp),
      grouped(judged.failed),
    ])
  }
  return table.toString()
}

/** Of what was measured only. */
function meaning({ judgedFromMs }: OverloadPlan, results: OverloadResults): string[] {
  const { 'balanced-pool': pool, fairlead } = results
  const { p50 } = fairlead.refusedAfterMs
  const after = p50 === null ? '' : `, half of them within ${milliseconds(p50)} ms`
  const { workers } = WORKPLACES.A
  return [
    `Of what the servers could serve, ${goodputText(pool.judged.goodput)} was answered in time with BalancedPool, ${goodputText(fairlead.judged.goodput)} with fairlead.`,
    `BalancedPool let ${waitedInVain(results, 'balanced-pool')} wait in vain; fairlead ${waitedInVain(results, 'fairlead')}, and refused ${grouped(fairlead.judged.refused)}${after}.`,
    `Each of the three servers works on ${workers} requests at once, ${MEAN_MS} ms each on average: together they can serve ${CAPACITY.toFixed(0)}/s. They do not notice that a caller has gone.`,
    `The first ${seconds(judgedFromMs)} do not count (${goodputText(pool.findingOut.goodput)} and ${goodputText(fairlead.findingOut.goodput)}): whoever has to find out what servers take loses the time in which they work off what was sent before.`,
  ]
}

const waitedInVain = (results: OverloadResults, kind: ClientKind): string =>
  grouped(results[kind].judged.gaveUp)

/** Says so where a client could not keep up with its own load. */
export function overloadNotes(results: OverloadResults): string[] {
  return CLIENT_KINDS.filter((kind) => results[kind].sendDelayMs.p99 > LATE_SEND_MS).map(
    (kind) =>
      `This machine was too busy for the overload: the client process of ${CLIENT_NAMES[kind]} sent one request in a hundred more than ${milliseconds(results[kind].sendDelayMs.p99)} ms late. Servers that are held up as well serve less than they could.`,
  )
}
