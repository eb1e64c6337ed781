/** Endpoints from Kubernetes: the EndpointSlices of a service, listed once and watched from then on. */
import { isRecord } from '../../options/kinds.js'
import type { TimerHandle, Timers } from '../../runtime/timers.js'
import { LineSplitter } from '../line-splitter.js'
import type { RunningSource, SourceSink } from '../source.js'
import { GoneError, SliceApi, statusMessage } from './api.js'
import type { ResolvedKubernetes } from './options.js'
import { isOlder, SliceSet, versionOf } from './slice-set.js'
import type { SliceEndpoint } from './slices.js'

export type { ResolvedKubernetes } from './options.js'

/** How long the server is to keep a watch open; by chance, so that not all ask for the next one at once. */
const MIN_WATCH_SECONDS = 240
const MAX_WATCH_SECONDS = 480
/** A watch that is silent for so much longer than it was to last has lost its connection. */
const SILENCE_GRACE_SECONDS = 30
/** For all pages. */
const LIST_MS = 60_000
/** The server answers a watch at once, before there is any event. */
const WATCH_ANSWER_MS = 30_000
/** Watches that bring nothing begin no sooner after one another. */
const MIN_WATCH_MS = 1_000
const MAX_LINE_BYTES = 16 * 2 ** 20
const FIRST_RETRY_MS = 500
const MAX_RETRY_MS = 30_000
const QUOTED_LENGTH = 80

export function startKubernetes(
  options: ResolvedKubernetes,
  sink: SourceSink,
  timers: Timers,
): RunningSource {
  return new KubernetesSource(options, sink, timers)
}

class KubernetesSource implements RunningSource {
  readonly #sink: SourceSink
  readonly #timers: Timers
  readonly #api: SliceApi
  readonly #slices: SliceSet
  /** Of the request under way. */
  #asking = new AbortController()
  /** When that request is given up. */
  #late: TimerHandle | undefined
  #pausing: TimerHandle | undefined
  /** What is known is of this version; undefined: a list is needed. */
  #version: string | undefined
  #failures = 0
  /** When the last list came, unless something has failed since. */
  #listedAt: number | undefined
  /** The last watch ended because its version was too old, and nothing has come since. */
  #wasGone = false
  /** The last answer that was told and taken, as text; undefined: none, or it was refused. */
  #told: string | undefined
  /** A failure was told, and nothing since. */
  #isFailing = false
  #isStopped = false

  constructor(options: ResolvedKubernetes, sink: SourceSink, timers: Timers) {
    this.#sink = sink
    this.#timers = timers
    this.#api = new SliceApi(options)
    this.#slices = new SliceSet(options)
    void this.#run()
  }

  stop(): void {
    this.#isStopped = true
    this.#late?.cancel()
    this.#pausing?.cancel()
    this.#asking.abort()
    this.#api.hangUp()
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      try {
        if (this.#version === undefined) await this.#list()
        else await this.#watch(this.#version)
      } catch (error) {
        this.#late?.cancel()
        this.#version = undefined
        if (!this.#isStopped && !this.#isFirstGone(error)) await this.#recover(error)
      }
    }
  }

  async #list(): Promise<void> {
    this.#asking = new AbortController()
    this.#giveUpAfter(LIST_MS)
    const { objects, version } = await this.#api.list(this.#asking.signal)
    this.#late?.cancel()
    if (this.#isStopped) return
    this.#slices.replace(objects)
    this.#version = version
    this.#listedAt = this.#timers.now()
    this.#tell(true)
  }

  /** Ends as the server ends the watch. */
  async #watch(version: string): Promise<void> {
    const seconds = Math.floor(
      MIN_WATCH_SECONDS + this.#timers.random() * (MAX_WATCH_SECONDS - MIN_WATCH_SECONDS + 1),
    )
    const silenceMs = (seconds + SILENCE_GRACE_SECONDS) * 1_000
    const began = this.#timers.now()
    this.#asking = new AbortController()
    this.#giveUpAfter(WATCH_ANSWER_MS)
    const chunks = await this.#api.watch(version, seconds, this.#asking.signal)
    if (this.#isStopped) return
    const lines = new LineSplitter(MAX_LINE_BYTES)
    this.#giveUpAfter(silenceMs)
    let hasEvents = false
    for await (const chunk of chunks) {
      if (this.#isStopped) return
      this.#giveUpAfter(silenceMs)
      hasEvents = this.#take(lines.push(chunk)) || hasEvents
    }
    this.#late?.cancel()
    if (this.#isStopped) return
    hasEvents = this.#take(lines.end()) || hasEvents
    this.#succeeded()
    const tooSoonMs = began + MIN_WATCH_MS - this.#timers.now()
    if (!hasEvents && tooSoonMs > 0) await this.#pause(tooSoonMs)
  }

  /** The events of one chunk. Returns whether there were any. */
  #take(lines: readonly string[]): boolean {
    if (lines.length === 0) return false
    let isBookmarked = false
    try {
      for (const line of lines) isBookmarked = this.#apply(line) || isBookmarked
      this.#succeeded()
    } finally {
      // What came before a line that is wrong is good.
      this.#tell(isBookmarked)
    }
    return true
  }

  /** Returns whether the event says that there is nothing new. */
  #apply(line: string): boolean {
    const { type, object } = parseEvent(line, this.#api.asked)
    if (type === 'ERROR') throw errorOf(object, this.#api.asked)
    if (type === 'ADDED' || type === 'MODIFIED') this.#slices.put(object)
    else if (type === 'DELETED') this.#slices.remove(object)
    const version = versionOf(object)
    if (version !== '' && !isOlder(version, this.#version ?? '')) this.#version = version
    return type === 'BOOKMARK'
  }

  /**
   * Tells what differs from what was told last, or has not been taken.
   * @param hasLooked the server has said what is, even if nothing is new
   */
  #tell(hasLooked: boolean): void {
    if (this.#isStopped) return
    let endpoints: readonly SliceEndpoint[]
    try {
      endpoints = this.#slices.endpoints()
    } catch (error) {
      // The next change may mend it: asking again would bring the same.
      this.#tellFailure(error)
      return
    }
    const text = JSON.stringify(endpoints)
    if (text !== this.#told) this.#told = this.#sink.found(endpoints) ? text : undefined
    else if (hasLooked || this.#isFailing) this.#sink.unchanged()
    this.#isFailing = false
  }

  #tellFailure(error: unknown): void {
    this.#isFailing = true
    this.#sink.failed(error)
  }

  #succeeded(): void {
    this.#failures = 0
    this.#wasGone = false
  }

  /** A second time in a row is a failure: else a server that says nothing else would be asked without end. */
  #isFirstGone(error: unknown): boolean {
    const isFirst = error instanceof GoneError && !this.#wasGone
    this.#wasGone = error instanceof GoneError
    return isFirst
  }

  /**
   * Waits after a failure: doubled from one to the next, half of it by chance. A list alone does not begin anew with short
   * waits, since a server that lists and does not let watch would be asked for lists all the time.
   */
  async #recover(error: unknown): Promise<void> {
    const hasWorked = this.#listedAt !== undefined && this.#timers.now() - this.#listedAt >= MAX_RETRY_MS
    this.#failures = hasWorked ? 1 : this.#failures + 1
    this.#listedAt = undefined
    this.#api.hangUp()
    this.#tellFailure(error)
    const most = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.#failures - 1))
    await this.#pause((most / 2) * (1 + this.#timers.random()))
  }

  /** Never ends where the source is stopped meanwhile. */
  async #pause(ms: number): Promise<void> {
    if (this.#isStopped) return
    await new Promise<void>((resolve) => {
      this.#pausing = this.#timers.after(ms, resolve)
    })
  }

  /** The request under way has so long to bring something. */
  #giveUpAfter(ms: number): void {
    const asking = this.#asking
    this.#late?.cancel()
    this.#late = this.#timers.after(ms, () =>
      asking.abort(new Error(`${this.#api.asked} has brought nothing for ${Math.round(ms / 1_000)} s`)),
    )
  }
}

function parseEvent(line: string, asked: string): { type: string; object: unknown } {
  let event: unknown
  try {
    event = JSON.parse(line)
  } catch {}
  if (!isRecord(event) || typeof event.type !== 'string')
    throw new Error(`${asked} sends what is no event: ${line.slice(0, QUOTED_LENGTH)}`)
  return { type: event.type, object: event.object }
}

function errorOf(status: unknown, asked: string): Error {
  const code = isRecord(status) ? status.code : undefined
  const what = `${asked} sends an error, ${JSON.stringify(code) ?? 'without a code'}: ${statusMessage(status)}`
  return code === 410 ? new GoneError(what) : new Error(what)
}
