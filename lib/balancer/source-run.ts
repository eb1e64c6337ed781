import { parseEndpoints } from '../configuration/parse.js'
import { StoppedError } from '../errors.js'
import type { Endpoint } from '../model/index.js'
import type { SourceChange } from '../observe/events.js'
import type { SourceStats } from '../observe/stats.js'
import { reasonOf } from '../runtime/foreign.js'
import type { TimerHandle, Timers } from '../runtime/timers.js'
import { type Found, keyOf } from '../sources/found.js'
import { describeSource, type ResolvedSource } from '../sources/options.js'
import type { RunningSource, SourceSink } from '../sources/source.js'
import { startSource } from '../sources/start.js'
import { Valve } from '../sources/valve.js'
import { RecordCheck } from './record-check.js'

/** What a source's findings go to. */
export interface SourceTarget {
  /** What the source has found, as it is in force. */
  inForce(key: string): readonly Endpoint[]
  /** Puts what was found in force, for all threads. Throws where it cannot be. */
  replace(found: Found): void
  /** Whether this thread still leads. */
  leads(): boolean
  tell(type: SourceChange, source: string, reason: string): void
}

/** One source at work: its answers are checked, held back where too much is missing, and put in force. */
export class SourceRun implements SourceSink {
  readonly key: string
  /** Resolves when it has answered, or could not, for the first time. */
  readonly ready: Promise<void>
  readonly #source: ResolvedSource
  readonly #name: string
  readonly #target: SourceTarget
  readonly #timers: Timers
  readonly #valve: Valve
  readonly #records = new RecordCheck()
  #running: RunningSource | undefined
  #isReady: () => void = () => {}
  #answeredAt: number | undefined
  #error: string | undefined
  #heldUntil: number | undefined
  #heldTimer: TimerHandle | undefined
  #stopped = false

  constructor(source: ResolvedSource, target: SourceTarget, timers: Timers) {
    this.key = keyOf(source)
    this.#source = source
    this.#name = describeSource(source)
    this.#target = target
    this.#timers = timers
    this.#valve = new Valve(source.maxDrop, source.holdMs)
    this.ready = new Promise((resolve) => {
      this.#isReady = resolve
    })
  }

  /** Begins to look. What is found at once changes the configuration, which leads back to whoever has this run. */
  start(): void {
    let running: RunningSource
    try {
      running = startSource(this.#source, this, this.#timers)
    } catch (error) {
      // What runs beside it goes on.
      return this.failed(error)
    }
    if (this.#stopped) running.stop()
    else this.#running = running
  }

  found(list: readonly unknown[]): boolean {
    if (this.#stopped || !this.#target.leads()) return true
    let endpoints: Endpoint[]
    try {
      endpoints = this.#check(list)
    } catch (error) {
      this.failed(error)
      return false
    }
    this.#answered()
    this.#offer(endpoints)
    this.#isReady()
    return true
  }

  records(byKey: ReadonlyMap<string, unknown>, changed?: ReadonlySet<string>): void {
    if (this.#stopped || !this.#target.leads()) return this.#records.skip()
    const { maxEndpoints } = this.#source
    if (byKey.size > maxEndpoints) {
      this.#records.skip()
      return this.failed(
        new Error(`${this.#name} has ${byKey.size} records; maxEndpoints is ${maxEndpoints}`),
      )
    }
    const before = this.#records.faults
    const endpoints = this.#records.check(byKey, changed)
    this.#answered()
    const { faults } = this.#records
    if (faults !== undefined && faults !== before) this.#target.tell('failed', this.#name, faults)
    this.#offer(endpoints)
    this.#isReady()
  }

  unchanged(): void {
    if (this.#stopped) return
    this.#answered()
    this.#isReady()
  }

  failed(error: unknown): void {
    if (this.#stopped) return
    const reason = reasonOf(error)
    const isNew = this.#error === undefined
    this.#error = reason
    if (isNew) this.#target.tell('failed', this.#name, reason)
    this.#isReady()
  }

  stop(): void {
    this.#stopped = true
    this.#heldTimer?.cancel()
    this.#running?.stop()
    this.#isReady()
  }

  get stats(): SourceStats {
    const now = this.#timers.now()
    return {
      source: this.#name,
      endpoints: this.#target.inForce(this.key).length,
      ageMs: this.#answeredAt === undefined ? undefined : now - this.#answeredAt,
      error: this.#error,
      heldMs: this.#heldUntil === undefined ? undefined : Math.max(0, this.#heldUntil - now),
    }
  }

  #check(list: readonly unknown[]): Endpoint[] {
    const { maxEndpoints } = this.#source
    if (!Array.isArray(list)) throw new Error(`what ${this.#name} found is no array of endpoints`)
    if (list.length > maxEndpoints)
      throw new Error(`${this.#name} has ${list.length} endpoints; maxEndpoints is ${maxEndpoints}`)
    return parseEndpoints(list, this.#name)
  }

  #answered(): void {
    this.#answeredAt = this.#timers.now()
    const before = this.#error
    // Of records that are faulty while the source answers.
    const { faults } = this.#records
    this.#error = faults
    if (before !== undefined && faults === undefined)
      this.#target.tell('recovered', this.#name, 'it answers again')
  }

  /** Puts an answer in force, now or when it has been held back for long enough. */
  #offer(endpoints: readonly Endpoint[]): void {
    this.#heldTimer?.cancel()
    const before = this.#target.inForce(this.key)
    const urls = new Map(endpoints.map(({ id, url }) => [id, url]))
    const kept = before.filter(({ id, url }) => urls.get(id) === url).length
    const now = this.#timers.now()
    const holdMs = this.#valve.hold(before.length, kept, endpoints.length, now)
    if (holdMs === 0) {
      this.#heldUntil = undefined
      this.#replace(before, endpoints)
      return
    }
    const isNew = this.#heldUntil === undefined
    this.#heldUntil = now + holdMs
    if (holdMs !== Number.POSITIVE_INFINITY)
      this.#heldTimer = this.#timers.after(holdMs, () => this.#offer(endpoints))
    if (isNew)
      this.#target.tell(
        'held',
        this.#name,
        `${before.length - kept} of ${before.length} endpoints are missing; ${endpoints.length === 0 ? 'there is none left, so those known stay' : `they stay for ${this.#source.holdMs} ms`}`,
      )
  }

  #replace(before: readonly Endpoint[], endpoints: readonly Endpoint[]): void {
    if (!this.#target.leads() || JSON.stringify(before) === JSON.stringify(endpoints)) return
    try {
      this.#target.replace({ key: this.key, endpoints })
    } catch (error) {
      if (!(error instanceof StoppedError)) this.failed(error)
      return
    }
    this.#target.tell('found', this.#name, `${endpoints.length} endpoints, ${before.length} before`)
  }
}
