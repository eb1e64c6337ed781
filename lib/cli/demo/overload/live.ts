/** The overload in a terminal: one picture, drawn over and over. */
import Table from 'cli-table3'
import logUpdate from 'log-update'
import { colors } from '../../colors.js'
import { bar } from '../bar.js'
import { grouped, seconds } from '../format.js'
import { CLIENT_KINDS, CLIENT_NAMES, type ClientKind } from '../messages.js'
import { GoodputMeter, goodputText, millisecondsOrNone, offerText, waiting } from './format.js'
import type { OverloadProgress } from './messages.js'
import type { OverloadSpectator } from './run.js'
import { CAPACITY, type OverloadPlan } from './script.js'

const READING_MS = 1000
const NO_TABLE_COLORS = { head: [], border: [] }

/** What one client's process has told. */
class Reading {
  readonly #meter = new GoodputMeter()
  #readAt = 0
  /** Answers in time; undefined: the first second is not over. */
  perSecond: number | undefined
  last: OverloadProgress | undefined

  update(progress: OverloadProgress): void {
    this.last = progress
    if (progress.elapsedMs - this.#readAt < READING_MS) return
    this.#readAt = progress.elapsedMs
    this.perSecond = this.#meter.update(progress)
  }
}

export class OverloadLiveView implements OverloadSpectator {
  readonly #plan: OverloadPlan
  readonly #readings: Readonly<Record<ClientKind, Reading>> = {
    'balanced-pool': new Reading(),
    fairlead: new Reading(),
  }

  constructor(plan: OverloadPlan) {
    this.#plan = plan
  }

  begins(): void {
    this.#draw()
  }

  progress(client: ClientKind, progress: OverloadProgress): void {
    this.#readings[client].update(progress)
    this.#draw()
  }

  ends(): void {
    this.#draw()
    logUpdate.done()
  }

  #draw(): void {
    const elapsed = CLIENT_KINDS.map((kind) => this.#readings[kind].last?.elapsedMs ?? 0)
    const elapsedMs = Math.min(this.#plan.durationMs, Math.max(...elapsed))
    const finding = elapsedMs < this.#plan.judgedFromMs ? ', the first seconds do not count' : ''
    logUpdate(
      [
        colors.bold('All servers are well'),
        offerText(this.#plan),
        `${seconds(elapsedMs)} of ${seconds(this.#plan.durationMs)}${finding}`,
        this.#table(),
      ].join('\n'),
    )
  }

  #table(): string {
    const table = new Table({
      head: ['', 'of capacity,\nlast second', 'refused', 'gave up', 'waiting', 'p99 ms'],
      colAligns: ['left', 'left', 'right', 'right', 'right', 'right'],
      style: NO_TABLE_COLORS,
    })
    for (const kind of CLIENT_KINDS) table.push([CLIENT_NAMES[kind], ...cells(this.#readings[kind])])
    return table.toString()
  }
}

function cells({ last, perSecond }: Reading): string[] {
  if (last === undefined) return ['starts', '', '', '', '']
  const share = (perSecond ?? 0) / CAPACITY
  return [
    perSecond === undefined ? '' : `${bar(share)} ${goodputText(share).padStart(4)}`,
    grouped(last.outcomes.refused),
    grouped(last.outcomes.gaveUp),
    grouped(waiting(last)),
    millisecondsOrNone(last.p99Ms),
  ]
}
