/** The demonstration in a terminal: one picture, drawn over and over. */
import Table from 'cli-table3'
import logUpdate from 'log-update'
import { colors } from '../colors.js'
import { bar } from './bar.js'
import { grouped, milliseconds, RateMeter, type Rates, seconds } from './format.js'
import { CLIENT_KINDS, CLIENT_NAMES, CLIENT_TITLES, type ClientKind, type Progress } from './messages.js'
import type { Engine, Results, Spectator } from './run.js'
import { ENDPOINT_NAMES, type EndpointName, type LoadPlan, type TimelineEvent } from './script.js'

const NAME_WIDTH = Math.max(...CLIENT_KINDS.map((kind) => CLIENT_NAMES[kind].length))
/** Shares are of about the last second. */
const READING_MS = 1000
const NO_TABLE_COLORS = { head: [], border: [] }

type Condition = 'up' | 'slow' | 'dead'

/** What one client's process has told. */
class Reading {
  readonly #meter = new RateMeter()
  #readAt = 0
  rates: Rates | undefined
  last: Progress | undefined

  update(progress: Progress): void {
    this.last = progress
    if (this.rates !== undefined && progress.elapsedMs - this.#readAt < READING_MS) return
    this.#readAt = progress.elapsedMs
    this.rates = this.#meter.update(progress)
  }
}

export class LiveView implements Spectator {
  readonly #plan: LoadPlan
  readonly #readings: Readonly<Record<ClientKind, Reading>> = {
    'balanced-pool': new Reading(),
    fairlead: new Reading(),
  }
  readonly #conditions: Record<EndpointName, Condition> = { A: 'up', B: 'up', C: 'up' }
  #title = ''
  #happening = 'all is well'

  constructor(plan: LoadPlan) {
    this.#plan = plan
  }

  begins(engine: Engine): void {
    this.#title = `${CLIENT_TITLES['balanced-pool']} and fairlead (${engine.kind} engine), ${this.#plan.rate} requests/s each`
  }

  happens({ text, endpoint, phase }: TimelineEvent): void {
    this.#happening = text
    this.#conditions[endpoint] = phase === 'slow' ? 'slow' : phase === 'dead' ? 'dead' : 'up'
    this.#draw()
  }

  progress(client: ClientKind, progress: Progress): void {
    this.#readings[client].update(progress)
    this.#draw()
  }

  ends(_results: Results): void {
    this.#draw()
    logUpdate.done()
  }

  #draw(): void {
    const { 'balanced-pool': pool, fairlead } = this.#readings
    // Nothing before both have something to show.
    if (pool.last === undefined || fairlead.last === undefined) return
    const elapsedMs = Math.min(this.#plan.durationMs, Math.max(pool.last.elapsedMs, fairlead.last.elapsedMs))
    logUpdate(
      [
        colors.bold(this.#title),
        `${seconds(elapsedMs)} of ${seconds(this.#plan.durationMs)}: ${this.#happening}`,
        this.#table(),
        ...CLIENT_KINDS.map((kind) => summaryLine(kind, this.#readings[kind])),
      ].join('\n'),
    )
  }

  #table(): string {
    const table = new Table({
      head: [
        '',
        'is',
        ...CLIENT_KINDS.flatMap((kind) => [`${CLIENT_NAMES[kind]}:\nlast second`, 'tries']),
        'and it\nsays',
      ],
      style: NO_TABLE_COLORS,
    })
    for (const name of ENDPOINT_NAMES) {
      const state = this.#readings.fairlead.last?.states?.[name] ?? ''
      table.push([
        name,
        painted(this.#conditions[name]),
        ...CLIENT_KINDS.flatMap((kind) => trafficCells(this.#readings[kind], name)),
        state === 'ready' ? colors.green(state) : colors.yellow(state),
      ])
    }
    return table.toString()
  }
}

function trafficCells({ last, rates }: Reading, name: EndpointName): Table.Cell[] {
  const share = rates?.shares[name] ?? 0
  return [
    `${bar(share)} ${`${Math.round(share * 100)}%`.padStart(4)}`,
    { content: grouped(last?.endpoints[name].tries ?? 0), hAlign: 'right' },
  ]
}

function summaryLine(kind: ClientKind, { last, rates }: Reading): string {
  const { errors, inFlight, p99Ms } = last as Progress
  const errorText = `${grouped(errors)} errors`
  return `${CLIENT_NAMES[kind].padEnd(NAME_WIDTH)}  ${Math.round(rates?.answeredPerSecond ?? 0)} answers/s, ${errors > 0 ? colors.red(errorText) : errorText}, ${grouped(inFlight)} in flight, p99 so far ${milliseconds(p99Ms)} ms`
}

const painted = (condition: Condition): string =>
  condition === 'up'
    ? colors.green(condition)
    : condition === 'slow'
      ? colors.yellow(condition)
      : colors.red(condition)
