/** The demonstration in a terminal: one picture, drawn over and over. */
import Table from 'cli-table3'
import logUpdate from 'log-update'
import colors from 'picocolors'
import { grouped, milliseconds, RateMeter, type Rates, seconds } from './format.js'
import { CLIENT_TITLES, type ClientKind, type LoadResult, type Progress } from './messages.js'
import type { Engine, Spectator } from './run.js'
import { ENDPOINT_NAMES, type EndpointName, type LoadPlan, type TimelineEvent } from './script.js'

const BAR_CELLS = 24
/** Shares are of about the last second. */
const READING_MS = 1000
const NO_TABLE_COLORS = { head: [], border: [] }

type Condition = 'up' | 'slow' | 'dead'

export class LiveView implements Spectator {
  readonly #plan: LoadPlan
  #title = ''
  #happening = 'all is well'
  #conditions: Record<EndpointName, Condition> = { A: 'up', B: 'up', C: 'up' }
  #meter = new RateMeter()
  #rates: Rates | undefined
  #readAt = 0
  #last: Progress | undefined

  constructor(plan: LoadPlan) {
    this.#plan = plan
  }

  begins(client: ClientKind, engine: Engine | undefined): void {
    this.#title = `${CLIENT_TITLES[client]}${engine === undefined ? '' : `, ${engine.kind} engine`}`
    this.#happening = 'all is well'
    this.#conditions = { A: 'up', B: 'up', C: 'up' }
    this.#meter = new RateMeter()
    this.#rates = undefined
    this.#readAt = 0
  }

  happens({ text, endpoint, phase }: TimelineEvent): void {
    this.#happening = text
    this.#conditions[endpoint] = phase === 'slow' ? 'slow' : phase === 'dead' ? 'dead' : 'up'
    this.#draw()
  }

  progress(progress: Progress): void {
    this.#last = progress
    if (this.#rates === undefined || progress.elapsedMs - this.#readAt >= READING_MS) {
      this.#readAt = progress.elapsedMs
      this.#rates = this.#meter.update(progress)
    }
    this.#draw()
  }

  ends(_result: LoadResult): void {
    this.#draw()
    logUpdate.done()
  }

  #draw(): void {
    const progress = this.#last
    const rates = this.#rates
    if (progress === undefined || rates === undefined) return
    const thinks = progress.states !== undefined
    const table = new Table({
      head: ['', 'endpoint is', 'share of the last second', 'tries', ...(thinks ? ['fairlead says'] : [])],
      style: NO_TABLE_COLORS,
    })
    for (const name of ENDPOINT_NAMES) {
      const state = progress.states?.[name]
      table.push([
        name,
        painted(this.#conditions[name]),
        `${bar(rates.shares[name])} ${`${Math.round(rates.shares[name] * 100)}%`.padStart(4)}`,
        { content: grouped(progress.endpoints[name].tries), hAlign: 'right' },
        ...(state === undefined ? [] : [state === 'ready' ? colors.green(state) : colors.yellow(state)]),
      ])
    }
    const { errors, inFlight, p99Ms, elapsedMs } = progress
    const errorText = `${grouped(errors)} errors`
    logUpdate(
      [
        colors.bold(this.#title),
        `${seconds(Math.min(elapsedMs, this.#plan.durationMs))} of ${seconds(this.#plan.durationMs)}: ${this.#happening}`,
        table.toString(),
        `${Math.round(rates.answeredPerSecond)} answers/s, ${errors > 0 ? colors.red(errorText) : errorText}, ${grouped(inFlight)} in flight, p99 so far ${milliseconds(p99Ms)} ms`,
      ].join('\n'),
    )
  }
}

const painted = (condition: Condition): string =>
  condition === 'up'
    ? colors.green(condition)
    : condition === 'slow'
      ? colors.yellow(condition)
      : colors.red(condition)

function bar(share: number): string {
  const cells = Math.round(share * BAR_CELLS)
  return colors.cyan('#'.repeat(cells)) + colors.dim('.'.repeat(BAR_CELLS - cells))
}
