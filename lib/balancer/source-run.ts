import { ListCheck } from '../configuration/list-check.js'
import { StoppedError } from '../errors.js'
import type { Endpoint } from '../model/index.js'
import type { SourceChange } from '../observe/events.js'
import type { SourceState } from '../observe/source-news.js'
import { reasonOf } from '../runtime/foreign.js'
import type { TimerHandle, Timers } from '../runtime/timers.js'
import { type Found, keyOf } from '../sources/found.js'
import { describeSource, type ResolvedSource } from '../sources/options.js'
import type { RunningSource, SourceSink } from '../sources/source.js'
import { startSource } from '../sources/start.js'
import { Valve } from '../sources/valve.js'
import { differenceOf, isNothing, keptOf, type ListDifference } from '../topology/list-difference.js'
import { stagesTo } from '../topology/list-stages.js'
import { LatestList, MANY, runAll } from './latest-list.js'
import { RecordCheck } from './record-check.js'

/** What a source's findings go to. */
export interface SourceTarget {
  /** What the source has found, as it is in force. */
  inForce(key: string): readonly Endpoint[]
  /** Puts what was found in force, for all threads. Throws where it cannot be. */
  replace(found: Found): void
  /** Whether this thread still leads. */
  leads(): boolean
  /** Something happened to the source of that key. */
  tell(key: string, type: SourceChange, source: string, reason: string): void
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
  readonly #list: ListCheck
  readonly #latest: LatestList
  /** Of records: pairs of a key and its record. */
  readonly #latestRecords: LatestList
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
    this.#list = new ListCheck(this.#name)
    this.#latest = new LatestList(timers, source.maxEndpoints, (list, leftOut) => this.#take(list, leftOut))
    this.#latestRecords = new LatestList(timers, source.maxEndpoints, (pairs) =>
      this.#takeRecords(new Map(pairs as readonly [string, unknown][])),
    )
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

  found(list: readonly unknown[], leftOut?: string): boolean {
    if (this.#stopped || !this.#target.leads()) return true
    return this.#latest.offer(list, leftOut)
  }

  *#take(list: readonly unknown[], leftOut: string | undefined): Generator<'turn' | undefined, boolean> {
    let endpoints: readonly Endpoint[]
    try {
      endpoints = yield* this.#check(list)
    } catch (error) {
      this.#fail(error)
      return false
    }
    yield 'turn'
    this.#answered(leftOut)
    yield* this.#offer(endpoints)
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
    const isFew = changed !== undefined && !this.#records.isBehind && changed.size <= MANY
    if (this.#latestRecords.isBusy || !isFew) this.#latestRecords.offer([...byKey])
    else runAll(this.#takeRecords(byKey, changed))
  }

  *#takeRecords(
    byKey: ReadonlyMap<string, unknown>,
    changed?: ReadonlySet<string>,
  ): Generator<'turn' | undefined, boolean> {
    const before = this.#records.faults
    const endpoints = yield* this.#records.check(byKey, changed)
    yield 'turn'
    this.#answered()
    const { faults } = this.#records
    if (faults !== undefined && faults !== before) this.#target.tell(this.key, 'failed', this.#name, faults)
    yield* this.#offer(endpoints)
    this.#isReady()
    return true
  }

  unchanged(): void {
    // Of a list that is still looked at, and of one that was refused after that, its source does not know.
    if (this.#stopped || this.#latest.isBusy || this.#latest.isRefusedLate || this.#latestRecords.isBusy)
      return
    this.#answered()
    this.#isReady()
  }

  failed(error: unknown): void {
    if (this.#stopped) return
    // First what came before.
    this.#latest.flush()
    this.#latestRecords.flush()
    this.#fail(error)
  }

  #fail(error: unknown): void {
    this.#report(reasonOf(error))
    this.#isReady()
  }

  stop(): void {
    this.#stopped = true
    this.#heldTimer?.cancel()
    this.#latest.stop()
    this.#latestRecords.stop()
    this.#running?.stop()
    this.#isReady()
  }

  get state(): SourceState {
    return { answeredAt: this.#answeredAt, error: this.#error, heldUntil: this.#heldUntil }
  }

  #check(list: readonly unknown[]): Generator<undefined, readonly Endpoint[]> {
    const { maxEndpoints } = this.#source
    if (!Array.isArray(list)) throw new Error(`what ${this.#name} found is no array of endpoints`)
    if (list.length > maxEndpoints)
      throw new Error(`${this.#name} has ${list.length} endpoints; maxEndpoints is ${maxEndpoints}`)
    return this.#list.check(list, this.#target.inForce(this.key))
  }

  /** Told once, until it answers with nothing wrong. */
  #report(reason: string): void {
    const isNew = this.#error === undefined
    this.#error = reason
    if (isNew) this.#target.tell(this.key, 'failed', this.#name, reason)
  }

  /** @param leftOut what is wrong with the answer, the rest of which counts */
  #answered(leftOut?: string): void {
    this.#answeredAt = this.#timers.now()
    // Records that are faulty, and what was left out, while the source answers.
    const { faults } = this.#records
    if (leftOut !== undefined) return this.#report(reasonOf(leftOut))
    const before = this.#error
    this.#error = faults
    if (before !== undefined && faults === undefined)
      this.#target.tell(this.key, 'recovered', this.#name, 'it answers again')
  }

  /** Puts an answer in force, now or when it has been held back for long enough. */
  *#offer(endpoints: readonly Endpoint[]): Generator<'turn', void> {
    this.#heldTimer?.cancel()
    const before = this.#target.inForce(this.key)
    const difference = differenceOf(before, endpoints)
    const kept = keptOf(before, difference)
    const now = this.#timers.now()
    const holdMs = this.#valve.hold(before.length, kept, endpoints.length, now)
    if (holdMs === 0) {
      this.#heldUntil = undefined
      if (!isNothing(before, difference)) yield* this.#replace(before, endpoints, difference)
      return
    }
    const isNew = this.#heldUntil === undefined
    this.#heldUntil = now + holdMs
    if (holdMs !== Number.POSITIVE_INFINITY)
      this.#heldTimer = this.#timers.after(holdMs, () => runAll(this.#offer(endpoints)))
    if (isNew)
      this.#target.tell(
        this.key,
        'held',
        this.#name,
        `${before.length - kept} of ${before.length} endpoints are missing; ${endpoints.length === 0 ? 'there is none left, so those known stay' : `they stay for ${this.#source.holdMs} ms`}`,
      )
  }

  /** Stage by stage: ten thousand endpoints at once would hold every thread for long. */
  *#replace(
    before: readonly Endpoint[],
    endpoints: readonly Endpoint[],
    difference: ListDifference,
  ): Generator<'turn', void> {
    for (const stage of stagesTo(before, endpoints, difference)) {
      if (this.#stopped || !this.#target.leads()) return
      try {
        this.#target.replace({ key: this.key, endpoints: stage })
      } catch (error) {
        if (!(error instanceof StoppedError)) this.#fail(error)
        return
      }
      if (stage !== endpoints) yield 'turn'
    }
    this.#target.tell(this.key, 'found', this.#name, `${endpoints.length} endpoints, ${before.length} before`)
  }
}
