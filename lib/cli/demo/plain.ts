/** The demonstration where there is no terminal: about one line a second for each client, and one for each event. */

import { milliseconds, RateMeter, seconds } from './format.js'
import { CLIENT_KINDS, CLIENT_NAMES, CLIENT_TITLES, type ClientKind, type Progress } from './messages.js'
import type { Engine, Results, Spectator } from './run.js'
import { ENDPOINT_NAMES, type LoadPlan, type TimelineEvent } from './script.js'

const LINE_MS = 1000
const TIME_WIDTH = 7
const NAME_WIDTH = Math.max(...CLIENT_KINDS.map((kind) => CLIENT_NAMES[kind].length))

export class PlainView implements Spectator {
  readonly #plan: LoadPlan
  readonly #print: (line: string) => void
  readonly #meters: Readonly<Record<ClientKind, RateMeter>> = {
    'balanced-pool': new RateMeter(),
    fairlead: new RateMeter(),
  }
  readonly #printedAt: Record<ClientKind, number> = { 'balanced-pool': 0, fairlead: 0 }

  constructor(plan: LoadPlan, print: (line: string) => void) {
    this.#plan = plan
    this.#print = print
  }

  begins(engine: Engine): void {
    const { rate, durationMs } = this.#plan
    this.#print(
      `${rate} requests/s for ${seconds(durationMs)} through ${CLIENT_TITLES['balanced-pool']} and, at the same times, through fairlead (${engine.kind} engine)`,
    )
  }

  happens({ at, text }: TimelineEvent): void {
    this.#print(`${seconds(at * this.#plan.durationMs).padStart(TIME_WIDTH)}  >> ${text}`)
  }

  progress(client: ClientKind, progress: Progress): void {
    if (progress.elapsedMs - this.#printedAt[client] < LINE_MS) return
    this.#printedAt[client] = progress.elapsedMs
    const rates = this.#meters[client].update(progress)
    const shares = ENDPOINT_NAMES.map((name) => {
      const state = progress.states?.[name]
      return `${name} ${Math.round(rates.shares[name] * 100)}%${state === undefined || state === 'ready' ? '' : ` (${state})`}`
    })
    const { elapsedMs, errors, inFlight, p99Ms } = progress
    this.#print(
      `${seconds(elapsedMs).padStart(TIME_WIDTH)}  ${CLIENT_NAMES[client].padEnd(NAME_WIDTH)}  ${Math.round(rates.answeredPerSecond)} answers/s, ${shares.join(', ')}; ${errors} errors, ${inFlight} in flight, p99 so far ${milliseconds(p99Ms)} ms`,
    )
  }

  ends(results: Results): void {
    const each = CLIENT_KINDS.map((kind) => `${CLIENT_NAMES[kind]} ${results[kind].errors} errors`)
    this.#print(`   done  ${results.fairlead.requests} requests each: ${each.join(', ')}\n`)
  }
}
