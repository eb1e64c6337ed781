/** What the two loads mean, in two tables and two sentences. */
import Table from 'cli-table3'
import { grouped, milliseconds, percent } from './format.js'
import {
  CLIENT_KINDS,
  CLIENT_TITLES,
  type ClientKind,
  type EndpointTraffic,
  type LoadResult,
} from './messages.js'
import type { Engine } from './run.js'
import { ENDPOINT_NAMES, type EndpointName, type LoadPlan, type Phase, TIMELINE } from './script.js'

export interface Outcome {
  readonly plan: LoadPlan
  readonly engine: Engine
  readonly results: Readonly<Record<ClientKind, LoadResult>>
}

/** A client that sends this late measures itself rather than the endpoints. */
const LATE_SEND_MS = 20
const PLAIN = { head: [], border: [] }

const affected = (phase: Phase): EndpointName => TIMELINE.find((event) => event.phase === phase)!.endpoint
const SLOW = affected('slow')
const DEAD = affected('dead')

export function closingText(outcome: Outcome): string {
  const { results, engine } = outcome
  const notes = slowClientNotes(results)
  if (engine.kind === 'fallback') notes.push(`The fallback engine ran: ${engine.reason}.`)
  return [
    resultTable(results),
    '',
    'Where the tries went (a request that is tried again counts again):',
    trafficTable(results),
    '',
    ...meaning(results),
    ...notes,
  ].join('\n')
}

function resultTable(results: Outcome['results']): string {
  const table = new Table({
    head: ['', 'requests', 'errors', 'of them GETs', 'p50 ms', 'p99 ms', 'p99.9 ms'],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right'],
    style: PLAIN,
  })
  for (const kind of CLIENT_KINDS) {
    const { requests, errors, idempotentErrors, latencyMs } = results[kind]
    table.push([
      CLIENT_TITLES[kind],
      grouped(requests),
      grouped(errors),
      grouped(idempotentErrors),
      milliseconds(latencyMs.p50),
      milliseconds(latencyMs.p99),
      milliseconds(latencyMs.p999),
    ])
  }
  return table.toString()
}

function trafficTable(results: Outcome['results']): string {
  const table = new Table({
    head: ['', 'endpoint', 'tries', `while ${SLOW} was slow`, `while ${DEAD} was dead`],
    colAligns: ['left', 'left', 'right', 'right', 'right'],
    style: PLAIN,
  })
  for (const kind of CLIENT_KINDS) {
    const { endpoints } = results[kind]
    ENDPOINT_NAMES.forEach((name, i) => {
      const cell = (of: (traffic: EndpointTraffic) => number): string => {
        const whole = ENDPOINT_NAMES.reduce((sum, one) => sum + of(endpoints[one]), 0)
        return `${grouped(of(endpoints[name]))}  ${percent(of(endpoints[name]), whole).padStart(5)}`
      }
      table.push([
        i === 0 ? CLIENT_TITLES[kind] : '',
        name,
        cell(({ tries }) => tries),
        cell(({ triesByPhase }) => triesByPhase.slow),
        cell(({ triesByPhase }) => triesByPhase.dead),
      ])
    })
  }
  return table.toString()
}

/** Two sentences, of what was measured only. */
function meaning(results: Outcome['results']): string[] {
  const { 'balanced-pool': pool, fairlead } = results
  const share = (result: LoadResult): string => {
    const slow = (name: EndpointName): number => result.endpoints[name].triesByPhase.slow
    return percent(
      slow(SLOW),
      ENDPOINT_NAMES.reduce((sum, name) => sum + slow(name), 0),
    )
  }
  const posts = fairlead.errors - fairlead.idempotentErrors
  const remark =
    fairlead.idempotentErrors > 0
      ? `, ${grouped(fairlead.idempotentErrors)} of them GETs that it should have saved`
      : posts > 0
        ? `: POSTs under way when ${DEAD} died, which nobody may send twice`
        : ''
  return [
    `While ${SLOW} was slow, BalancedPool sent it ${share(pool)} of the tries and fairlead ${share(fairlead)}: one request in a hundred took longer than ${milliseconds(pool.latencyMs.p99)} ms with BalancedPool, ${milliseconds(fairlead.latencyMs.p99)} ms with fairlead.`,
    `BalancedPool lost ${counted(pool.errors)}, fairlead ${grouped(fairlead.errors)}${remark}.`,
  ]
}

const counted = (n: number): string => `${grouped(n)} request${n === 1 ? '' : 's'}`

/** Says so where a client could not keep up with its own load: its latencies are then partly its own. */
export function slowClientNotes(results: Outcome['results']): string[] {
  return CLIENT_KINDS.filter((kind) => results[kind].sendDelayMs.p99 > LATE_SEND_MS).map(
    (kind) =>
      `This machine was too busy: the client process of ${CLIENT_TITLES[kind]} sent one request in a hundred more than ${milliseconds(results[kind].sendDelayMs.p99)} ms late, which counts in its latencies. Try a lower --rate.`,
  )
}
