/** Endpoints from etcd: the keys of a service, listed once and watched from then on. */
import { jittered, type TimerHandle, type Timers } from '../../runtime/timers.js'
import type { RunningSource, SourceSink } from '../source.js'
import { integerOf, listOf, revisionOf } from './answer.js'
import { EtcdClient, type EtcdStream } from './client.js'
import { CompactedError, RefusedError } from './errors.js'
import { type KeyRange, rangeOf, toBase64 } from './keys.js'
import { listKeys } from './list.js'
import type { ResolvedEtcd } from './options.js'
import { RecordSet } from './record-set.js'
import { answersOf, openWatch } from './watch.js'

/** Changes that come within this time are told at once: many services start and stop together. */
const GATHER_MS = 20
/** The watch has this time to bring what the server has already counted. */
const CATCH_UP_MS = 1_000
/** Checks come no sooner after one another, however short a request may take. */
const MIN_SILENCE_MS = 500
const JITTER = 0.2
/** Before the first try after a failure: another server may be well. */
const AT_ONCE_MS = 100
const FIRST_RETRY_MS = 500
/** Shorter than that of other sources: etcd has few servers, and leases of what it knows run out in seconds. */
const MAX_RETRY_MS = 5_000

export function startEtcd(
  options: ResolvedEtcd,
  maxEndpoints: number,
  sink: SourceSink,
  timers: Timers,
): RunningSource {
  return new EtcdSource(options, maxEndpoints, sink, timers)
}

class EtcdSource implements RunningSource {
  readonly #options: ResolvedEtcd
  readonly #maxEndpoints: number
  readonly #sink: SourceSink
  readonly #timers: Timers
  readonly #client: EtcdClient
  readonly #range: KeyRange
  readonly #records: RecordSet
  /** Of what is under way. */
  #asking = new AbortController()
  #pausing: TimerHandle | undefined
  #checking: TimerHandle | undefined
  #gathering: TimerHandle | undefined
  /** What is known can be kept up by watching; else a list is needed. */
  #isListed = false
  /** Failures in a row; the first one of a server that was well is not told. */
  #failures = 0
  #hasAnswered = false
  /** The last watch ended because its changes were not kept, and nothing has come since. */
  #wasCompacted = false
  #isStopped = false

  constructor(options: ResolvedEtcd, maxEndpoints: number, sink: SourceSink, timers: Timers) {
    this.#options = options
    this.#maxEndpoints = maxEndpoints
    this.#sink = sink
    this.#timers = timers
    this.#client = new EtcdClient(options, timers)
    this.#range = rangeOf(options, options.service)
    this.#records = new RecordSet(this.#range, maxEndpoints)
    void this.#run()
  }

  stop(): void {
    this.#isStopped = true
    this.#pausing?.cancel()
    this.#checking?.cancel()
    this.#gathering?.cancel()
    this.#asking.abort()
    this.#client.close()
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      this.#asking = new AbortController()
      try {
        if (!this.#isListed) await this.#list()
        await this.#watch()
      } catch (error) {
        this.#checking?.cancel()
        // Ends the watch where the check has failed, and the check where the watch has.
        this.#asking.abort()
        if (!this.#isStopped) await this.#recover(error)
      }
    }
  }

  async #list(): Promise<void> {
    const list = await listKeys(this.#client, this.#range, this.#maxEndpoints, {
      signal: this.#asking.signal,
      isBackground: true,
    })
    if (this.#isStopped) return
    this.#records.replace(list)
    this.#isListed = true
    this.#hasAnswered = true
    this.#tell()
  }

  /** Ends with an error, at the latest when the server ends the watch. */
  async #watch(): Promise<void> {
    if (this.#isStopped) return
    const { signal } = this.#asking
    const stream = await openWatch(this.#client, this.#range, this.#records.watchFrom, signal)
    try {
      const failing = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
        // After a failure a watch alone says little: a server that is cut off from the others opens one as well.
        this.#checkAfter(this.#failures > 0 ? 0 : this.#silenceMs, reject)
        void this.#follow(stream, reject).catch(reject)
      })
      await failing
    } finally {
      stream.close()
    }
  }

  async #follow(stream: EtcdStream, fail: (error: unknown) => void): Promise<void> {
    for await (const answer of answersOf(stream)) {
      if (this.#isStopped || this.#asking.signal.aborted) return
      let hasChanged = false
      try {
        hasChanged = this.#records.apply(answer)
      } catch (error) {
        this.#isListed = false
        throw error
      }
      if (hasChanged) {
        this.#succeeded()
        this.#gathering ??= this.#timers.after(GATHER_MS, () => this.#tell())
      }
      if (this.#failures === 0) this.#checkAfter(this.#silenceMs, fail)
    }
    throw new Error(`${stream.name} was ended by the server`)
  }

  /** Nothing has come for so long: is there nothing new, or does nothing come through? */
  #checkAfter(ms: number, fail: (error: unknown) => void, isSecond = false): void {
    this.#checking?.cancel()
    this.#checking = this.#timers.after(ms, () => void this.#check(fail, isSecond).catch(fail))
  }

  async #check(fail: (error: unknown) => void, isSecond: boolean): Promise<void> {
    const isUpToDate = await this.#isUpToDate()
    if (this.#isStopped || this.#asking.signal.aborted) return
    if (isUpToDate) {
      this.#succeeded()
      this.#sink.unchanged()
      this.#checkAfter(this.#silenceMs, fail)
    } else if (!isSecond) this.#checkAfter(CATCH_UP_MS, fail, true)
    else {
      this.#isListed = false
      throw new Error(`the watch of ${this.#range.start} in etcd has missed changes; all is listed anew`)
    }
  }

  /** Whether the cluster knows nothing that is not known here. It answers only where most of its members reach each other. */
  async #isUpToDate(): Promise<boolean> {
    const message = {
      key: toBase64(this.#range.start),
      range_end: toBase64(this.#range.end),
      min_mod_revision: String(this.#records.revision + 1n),
      keys_only: true,
      limit: '1',
    }
    const { answer, name } = await this.#client.call('kv/range', message, {
      signal: this.#asking.signal,
      isBackground: true,
    })
    // A cluster that was restored from a copy is behind: its changes would come under revisions that are known.
    const isBehind = revisionOf(answer, name) < this.#records.revision
    const hasMore = listOf(answer.kvs, `the keys of ${name}`).length > 0
    const count = integerOf(answer.count, `the count of ${name}`)
    return !isBehind && !hasMore && count === BigInt(this.#records.size)
  }

  get #silenceMs(): number {
    return jittered(this.#timers, Math.max(MIN_SILENCE_MS, this.#options.timeout), JITTER)
  }

  #tell(): void {
    this.#gathering?.cancel()
    this.#gathering = undefined
    if (this.#isStopped) return
    const { records, changed } = this.#records.take()
    this.#sink.records(records, changed)
  }

  #succeeded(): void {
    this.#failures = 0
    this.#hasAnswered = true
    this.#wasCompacted = false
  }

  /**
   * Waits after a failure: doubled from one to the next, half of it by chance. The first one after all was well is not told, and
   * the next server is asked almost at once.
   */
  async #recover(error: unknown): Promise<void> {
    if (error instanceof CompactedError) {
      this.#isListed = false
      const isFirst = !this.#wasCompacted
      this.#wasCompacted = true
      if (isFirst) return
    }
    this.#failures++
    // A refusal may be for a token that was taken once.
    if (error instanceof RefusedError) this.#client.forgetToken()
    this.#client.leaveServer()
    const isUntold = this.#failures === 1 && this.#hasAnswered
    if (!isUntold) this.#sink.failed(error)
    const most = isUntold ? AT_ONCE_MS : Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.#failures - 1))
    await this.#pause((most / 2) * (1 + this.#timers.random()))
  }

  /** Never ends where the source is stopped meanwhile. */
  async #pause(ms: number): Promise<void> {
    if (this.#isStopped) return
    await new Promise<void>((resolve) => {
      this.#pausing = this.#timers.after(ms, resolve)
    })
  }
}
