import { releaseConnectionCounts } from '../admission/connection-counts.js'
import { releaseWaits } from '../admission/ticket-pool.js'
import { THREAD, threadWord } from '../engine/layout.js'
import { createPages } from '../engine/memory.js'
import { contributed, eachOwn, reclaimCounts } from '../engine/reclaim.js'
import type { SharedState } from '../engine/state.js'
import { freeThread, livingThreads, takeEndedRecords, threadToken } from '../engine/threads.js'
import { HandleError } from '../errors.js'
import type { SourceNews } from '../observe/source-news.js'
import { onThreadEnd } from '../runtime/thread-ends.js'
import type { TimerHandle, Timers } from '../runtime/timers.js'
import { Channel, type Message } from './channel.js'
import { ConfigStore } from './config-store.js'
import { blockId, type SharedMemory } from './handle.js'
import { Leadership } from './leadership.js'

/** What other threads have done, as far as this one has to do something about it. */
export interface ThreadEvents {
  /** Another thread has changed the configuration, or started or stopped the balancer. */
  changed(): void
  /** Another thread has taken over what is published, was detached, or is no more: what has left may be free now. */
  adopted(): void
  /** Another thread cannot read the configuration in force, which this one may have. */
  unreadable(): void
  /** Whether this thread leads may have changed. */
  led(): void
  /** The leader, which this thread is, is to inspect a service's ejections and endpoints. */
  inspect(service: number): void
  /** Another thread waits for a connection of a service, to a slot or to any (-1). */
  connectionWanted(service: number, slot: number): void
  /** A service has one connection less. */
  connectionFreed(service: number): void
  /** The leader tells of its sources. */
  sources(news: readonly SourceNews[]): void
  /** A thread does not know how the leader's sources are. */
  sourcesWanted(): void
  /** Threads have ended, perhaps in the middle of a change: `cleanUp` gives back what they held. */
  ended(): void
  /** Comes once a second, for what nobody has told. */
  beat(): void
}

/** ms between two signs of life of a thread, and between two checks of whether the leader gives any. */
const BEAT_MS = 1_000
/** Nobody waits any longer for a thread that has given no sign of life for this long, in ms. */
const LOST_AFTER_MS = 30_000
/** While waiting for other threads, in ms: they may have caught up without a word. */
const RECHECK_MS = 50
/** Between two attempts to settle counts that living threads are at work on, in ms. */
const SETTLE_MS = 5
/** No thread has this id. */
const NOBODY = -1
/**
 * A balancer that is shared has room for at least so many slots and services, and for this many times those it has. What is
 * never used costs address space only: 3.5 KiB a slot, 3.8 KiB a service.
 */
const LEAST_SLOTS = 24_576
const LEAST_SERVICES = 10_240
const HEADROOM = 4

/**
 * One balancer over several threads: reads what others have changed, publishes what this one changes, and gives back what
 * threads held that have ended. Everything that counts stands in shared memory; messages only make it quick.
 */
export class Sharing {
  readonly #state: SharedState
  readonly #events: ThreadEvents
  readonly #timers: Timers
  readonly #store: ConfigStore
  readonly #channel: Channel
  readonly #leadership: Leadership
  readonly #forget: () => void
  /** Records of ended threads that this thread is alone to clean. */
  readonly #toClean = new Set<number>()
  readonly #waiters = new Set<() => void>()
  /** This thread has a configuration. */
  #isStarted = false
  #settleTimer: TimerHandle | undefined
  #beatTimer: TimerHandle | undefined

  constructor(state: SharedState, memory: SharedMemory, events: ThreadEvents, timers: Timers) {
    this.#state = state
    this.#events = events
    this.#timers = timers
    this.#store = new ConfigStore(memory.root, memory.pages, state.token)
    this.#leadership = new Leadership(state, timers, () => events.led())
    this.#channel = new Channel(blockId(memory.root), (message) => this.#receive(message))
    this.#forget = onThreadEnd((id) => this.#threadEnded(id))
  }

  /** The memory of a balancer that is to be shared from now on. */
  static memoryFor(state: SharedState): SharedMemory {
    const slots = Math.max(LEAST_SLOTS, HEADROOM * state.slotsUsed)
    const services = Math.max(LEAST_SERVICES, HEADROOM * state.servicesUsed)
    return { root: state.root, segments: state.fix(slots, services), pages: createPages() }
  }

  /** Begins to take part, once the balancer is ready. The first of all threads publishes its configuration. */
  start(first?: Uint8Array): void {
    if (first !== undefined) {
      this.#store.replace(first)
      this.acknowledge()
    }
    this.#isStarted = true
    this.#beat()
  }

  /** Of the configuration that this thread has. */
  get version(): number {
    return this.#store.version
  }

  /** Whether another thread has published something that this one has not taken over. */
  get isBehind(): boolean {
    return !this.#state.detached && this.#store.isBehind
  }

  get leads(): boolean {
    return this.#leadership.holds
  }

  /** Whether every living thread has taken over that version. */
  isSeen(version: number): boolean {
    return this.#laggards(version).length === 0
  }

  #laggards(version: number): number[] {
    const { root } = this.#state
    return livingThreads(root).filter(
      (thread) => ((Atomics.load(root, threadWord(thread) + THREAD.CONFIG_SEEN) - version) | 0) < 0, // (T5) has it taken this version over?
    )
  }

  /** Whether the configuration in force was damaged. This thread goes on with the one that it has. */
  get isUnreadable(): boolean {
    return this.#store.isUnreadable
  }

  /**
   * What other threads have published since the last call, oldest first; `acknowledge` it once it is taken over. Where it
   * was damaged, a thread that is about to attach cannot (a `HandleError`), and one that has a configuration gets nothing.
   */
  read<Read>(decode: (record: Uint8Array) => Read): Read[] {
    try {
      return this.#store.read(decode)
    } catch (error) {
      if (!this.#isStarted || !(error instanceof HandleError)) throw error
      process.emitWarning(`${error.message}; this thread goes on with the one that it has`, {
        code: error.code,
      })
      this.#channel.send({ kind: 'unreadable' })
      return []
    }
  }

  /** Publishes a change of this thread; false where another thread was first, and there is something to read before. */
  publish(record: Uint8Array, isWhole: boolean, whole: () => Uint8Array): boolean {
    if (isWhole) return this.#store.replace(record)
    const outcome = this.#store.append(record)
    if (outcome !== 'full') return outcome === 'done'
    return this.#store.restate(whole()) && this.#store.append(record) === 'done'
  }

  /** For a thread that could not read the configuration in force, which this one has. */
  publishAgain(whole: Uint8Array): void {
    if (this.isBehind || this.isUnreadable) return
    if (this.#store.restate(whole)) this.announce()
  }

  /** A change of this thread was published, and taken over here. */
  announce(): void {
    this.acknowledge()
    this.#channel.send({ kind: 'configuration-changed', reply: false })
  }

  /** What was read is taken over: from here on no pick of this thread takes what it took out. */
  acknowledge(): void {
    // Frees what has left, where this thread is the last. (T5)
    Atomics.store(this.#state.root, this.#state.threadField(THREAD.CONFIG_SEEN), this.version | 0)
  }

  /** Resolves when every living thread has what this one has now. Keeps the process alive meanwhile. */
  async seen(): Promise<void> {
    if (!this.isSeen(this.version)) await this.#untilSeen(this.version)
  }

  async #untilSeen(version: number): Promise<void> {
    this.#channel.hold()
    this.#channel.send({ kind: 'configuration-changed', reply: true })
    try {
      await new Promise<void>((resolve) => {
        const check = (): void => {
          if (!this.#laggards(version).every((thread) => this.#isLost(thread))) return
          clearInterval(interval)
          this.#waiters.delete(check)
          resolve()
        }
        const interval = setInterval(check, RECHECK_MS)
        this.#waiters.add(check)
      })
    } finally {
      this.#channel.release()
    }
  }

  #isLost(thread: number): boolean {
    const beat = new Float64Array(this.#state.root.buffer, (threadWord(thread) + THREAD.BEAT) * 4, 1)[0]
    return this.#state.detached || this.#timers.now() - beat > LOST_AFTER_MS
  }

  /** Asks the leader to inspect a service. */
  askLeaderToInspect(service: number): void {
    if (!this.leads) this.#channel.send({ kind: 'inspect', service })
  }

  /** Tells the other threads of a service's connections. */
  tellOfConnections(
    message: Extract<Message, { readonly kind: 'connection-wanted' | 'connection-freed' }>,
  ): void {
    if (!this.#state.detached) this.#channel.send(message)
  }

  /** Tells the other threads of this thread's sources. */
  tellOfSources(news: readonly SourceNews[]): void {
    if (!this.#state.detached && news.length > 0) this.#channel.send({ kind: 'sources', news })
  }

  /** Asks the leader how its sources are. */
  askForSources(): void {
    this.#channel.send({ kind: 'sources-wanted' })
  }

  /** Tells all threads to look whether the balancer is stopped. */
  tellStopped(): void {
    this.#channel.send({ kind: 'configuration-changed', reply: false })
  }

  /** Requests that this thread has in flight. */
  get inFlight(): number {
    return contributed(this.#state, this.#state.thread)
  }

  /**
   * Gives this thread's record back. What it still has in flight ends here, as `endSlot` and `endService` say: leases
   * that end later are ignored.
   */
  detach(endSlot: (slot: number, isOpen: boolean) => void, endService: (service: number) => void): void {
    this.#forget()
    this.#beatTimer?.cancel()
    this.#settleTimer?.cancel()
    eachOwn(this.#state, endSlot, endService)
    releaseConnectionCounts(this.#state)
    releaseWaits(this.#state, this.#state.thread, this.#state.token)
    this.#state.detached = true
    if (this.#leadership.resign()) this.#channel.send({ kind: 'leader-resigned' })
    freeThread(this.#state.root, this.#state.thread)
    this.#channel.send({ kind: 'adopted' })
    for (const check of this.#waiters) check()
    this.#channel.close()
  }

  #receive(message: Message): void {
    if (this.#state.detached) return
    switch (message.kind) {
      case 'configuration-changed':
        this.#events.changed()
        if (message.reply) this.#channel.send({ kind: 'adopted' })
        break
      case 'adopted':
        this.#events.adopted()
        for (const check of this.#waiters) check()
        break
      case 'unreadable':
        this.#events.unreadable()
        break
      case 'leader-resigned':
        this.#leadership.takeOverIfVacant()
        break
      case 'inspect':
        if (this.leads) this.#events.inspect(message.service)
        break
      case 'connection-wanted':
        this.#events.connectionWanted(message.service, message.slot)
        break
      case 'sources':
        if (!this.leads) this.#events.sources(message.news)
        break
      case 'sources-wanted':
        if (this.leads) this.#events.sourcesWanted()
        break
      case 'connection-freed':
        this.#events.connectionFreed(message.service)
        break
    }
  }

  #beat(): void {
    const beat = this.#state.threadField(THREAD.BEAT)
    new Float64Array(this.#state.root.buffer, beat * 4, 1)[0] = this.#timers.now()
    // Also what nobody has told: a thread may have ended between its change and the message.
    this.#threadEnded(NOBODY)
    this.#events.beat()
    this.#beatTimer = this.#timers.after(BEAT_MS, () => this.#beat())
  }

  /** Also where nobody has: a cleaner may have ended whose work nobody has taken up. */
  #threadEnded(id: number): void {
    for (const thread of takeEndedRecords(this.#state.root, this.#state.thread, id)) this.#toClean.add(thread)
    if (this.#toClean.size > 0) this.#events.ended()
    this.#leadership.takeOverIfVacant()
  }

  /**
   * Gives back what ended threads held, once all that they had published is taken over.
   * @param releaseProbe of a slot whose probe request such a thread had
   */
  cleanUp(releaseProbe: (slot: number) => void): void {
    for (const thread of this.#toClean)
      if (this.#cleanAfter(thread, releaseProbe)) this.#toClean.delete(thread)
    for (const check of this.#waiters) check()
    this.#settleTimer?.cancel()
    this.#settleTimer = undefined
    if (this.#toClean.size === 0) return
    // Only the counts are left: everything else of an end was seen to by the first call.
    this.#settleTimer = this.#timers.after(SETTLE_MS, () => {
      this.cleanUp(releaseProbe)
      if (this.#toClean.size === 0) this.#events.adopted()
    })
  }

  /** Each step may be done again: by this thread, or by another after this one has ended in the middle of it. */
  #cleanAfter(thread: number, releaseProbe: (slot: number) => void): boolean {
    const { root, claims } = this.#state
    const token = threadToken(root, thread)
    this.#store.releasePages(token)
    claims.releaseClaims(token)
    for (let slot = 0; slot < this.#state.segmentSlots; slot++) {
      if (this.#state.takeProbe(thread, slot)) releaseProbe(slot)
    }
    releaseWaits(this.#state, thread, token)
    if (!reclaimCounts(this.#state, thread)) return false
    freeThread(root, thread, this.#state.token)
    return true
  }
}
