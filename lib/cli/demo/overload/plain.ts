/** The overload where there is no terminal: about one line a second for each client. */
import { grouped, seconds } from '../format.js'
import { CLIENT_KINDS, CLIENT_NAMES, type ClientKind } from '../messages.js'
import { GoodputMeter, millisecondsOrNone, offerText, waiting } from './format.js'
import type { OverloadProgress } from './messages.js'
import type { OverloadSpectator } from './run.js'
import { CAPACITY, type OverloadPlan } from './script.js'

const LINE_MS = 1000
const TIME_WIDTH = 7
const NAME_WIDTH = Math.max(...CLIENT_KINDS.map((kind) => CLIENT_NAMES[kind].length))

export class OverloadPlainView implements OverloadSpectator {
  readonly #plan: OverloadPlan
  readonly #print: (line: string) => void
  readonly #meters: Readonly<Record<ClientKind, GoodputMeter>> = {
    'balanced-pool': new GoodputMeter(),
    fairlead: new GoodputMeter(),
  }
  readonly #printedAt: Record<ClientKind, number> = { 'balanced-pool': 0, fairlead: 0 }

  constructor(plan: OverloadPlan, print: (line: string) => void) {
    this.#plan = plan
    this.#print = print
  }

  begins(): void {
    this.#print(`All servers are well: ${offerText(this.#plan)}, for ${seconds(this.#plan.durationMs)}`)
  }

  progress(client: ClientKind, progress: OverloadProgress): void {
    if (progress.elapsedMs - this.#printedAt[client] < LINE_MS) return
    this.#printedAt[client] = progress.elapsedMs
    const perSecond = Math.round(this.#meters[client].update(progress))
    const { refused, gaveUp } = progress.outcomes
    this.#print(
      `${seconds(progress.elapsedMs).padStart(TIME_WIDTH)}  ${CLIENT_NAMES[client].padEnd(NAME_WIDTH)}  ${perSecond} of ${CAPACITY.toFixed(0)} answers/s in time; ${grouped(refused)} refused, ${grouped(gaveUp)} gave up, ${waiting(progress)} waiting, p99 so far ${millisecondsOrNone(progress.p99Ms)} ms`,
    )
  }

  ends(): void {
    this.#print('   done\n')
  }
}
