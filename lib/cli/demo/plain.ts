/** The demonstration where there is no terminal: about one line a second, and one for each event. */

import { milliseconds, RateMeter, seconds } from './format.js'
import { CLIENT_TITLES, type ClientKind, type LoadResult, type Progress } from './messages.js'
import type { Engine, Spectator } from './run.js'
import { ENDPOINT_NAMES, type LoadPlan, type TimelineEvent } from './script.js'

const LINE_MS = 1000

export class PlainView implements Spectator {
  readonly #plan: LoadPlan
  readonly #print: (line: string) => void
  #meter = new RateMeter()
  #printedAt = 0

  constructor(plan: LoadPlan, print: (line: string) => void) {
    this.#plan = plan
    this.#print = print
  }

  begins(client: ClientKind, engine: Engine | undefined): void {
    this.#meter = new RateMeter()
    this.#printedAt = 0
    const { rate, durationMs } = this.#plan
    const text = `${rate} requests/s for ${seconds(durationMs)} through ${CLIENT_TITLES[client]}`
    this.#print(engine === undefined ? text : `${text} (${engine.kind} engine)`)
  }

  happens({ at, text }: TimelineEvent): void {
    this.#print(`${seconds(at * this.#plan.durationMs).padStart(7)}  >> ${text}`)
  }

  progress(progress: Progress): void {
    if (progress.elapsedMs - this.#printedAt < LINE_MS) return
    this.#printedAt = progress.elapsedMs
    const rates = this.#meter.update(progress)
    const shares = ENDPOINT_NAMES.map((name) => {
      const state = progress.states?.[name]
      return `${name} ${Math.round(rates.shares[name] * 100)}%${state === undefined || state === 'ready' ? '' : ` (${state})`}`
    })
    const { elapsedMs, errors, inFlight, p99Ms } = progress
    this.#print(
      `${seconds(elapsedMs).padStart(7)}  ${Math.round(rates.answeredPerSecond)} answers/s, ${shares.join(', ')}; ${errors} errors, ${inFlight} in flight, p99 so far ${milliseconds(p99Ms)} ms`,
    )
  }

  ends({ requests, errors }: LoadResult): void {
    this.#print(`         done: ${requests} requests, ${errors} errors\n`)
  }
}
