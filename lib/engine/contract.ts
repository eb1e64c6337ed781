/**
 * What an engine is: the hot path of a balancer over shared memory, twice. `fallback/` does it with `Atomics`, the
 * addon with `std::atomic_ref`; `test/contract` runs one suite on both and then compares them at random.
 *
 * Both sides compute in IEEE double precision with the same operations in the same order, so that one seed and one
 * manual clock give the same picks, bit for bit.
 */
import type { DistributorCode, MetricCode, OutcomeCode } from './layout.js'
import type { DrawTable } from './weighted-draw.js'

/** One segment of endpoint slots and the threads' contributions to them. */
export interface Segment {
  /** SEGMENT_SLOTS slots of SLOT.WORDS words. */
  readonly cells: Int32Array<SharedArrayBuffer>
  /** maxThreads columns of SEGMENT_SLOTS records of CONTRIBUTION.WORDS words. */
  readonly contributions: Int32Array<SharedArrayBuffer>
  /** SEGMENT_SLOTS histograms of HISTOGRAM_BUCKETS words; histogram index = slot number. */
  readonly histograms: Int32Array<SharedArrayBuffer>
  /** SEGMENT_SLOTS records of CONCURRENCY.WORDS words. No core looks at them. */
  readonly concurrency: Int32Array<SharedArrayBuffer>
  /** maxThreads columns of SEGMENT_SLOTS records of CONNECTION_CONTRIBUTION.WORDS words. No core looks at them. */
  readonly connections: Int32Array<SharedArrayBuffer>
}

export interface PickerSpec {
  distributor: DistributorCode
  metric: MetricCode
  /** Index of the service's record; its cursor serves round robin. */
  service: number
  /** The usable slots, in order. Copied. May be empty: the picker then always returns -1. */
  slots: Uint32Array
  /** Draws the candidates of TWO_CHOICES by weight, a position each; undefined where all weights are equal. Copied. */
  draw?: DrawTable
}

/**
 * Chooses a slot and reserves it: in-flight is one higher when it returns, and `core.startedAt()` is the time of the
 * pick. Returns the slot, or -1 when no slot could be reserved (none usable, or each at its limit).
 *
 * Choice: round robin takes the cursor's next position; random one position at random; two choices two distinct
 * positions at random, of which the one with the lower load, the first on a tie (`choice.ts`). With `draw` the first of
 * them comes from a sequence of this picker that gives each position its share evenly over time, the second is drawn at
 * random, both by weight. Where the chosen one is at its limit, the other of two choices is next, then the positions
 * after it in order, each once.
 */
export type Picker = () => number

export interface Core {
  /** Index of this thread's record in the root segment. */
  readonly thread: number
  /** Registers service segment number `index`; they come in order. Keeps the memory alive. */
  addServices(index: number, words: Int32Array<SharedArrayBuffer>): void
  /** Registers endpoint segment number `index`; they come in order. Keeps the memory alive. */
  addSegment(index: number, segment: Segment): void
  /** Time in ms on a monotonic clock that all threads share; the manual time while CLOCK_MODE says so. */
  now(): number
  /** Next 32 random bits, unsigned, from this thread's generator (xoshiro128++). */
  random(): number
  picker(spec: PickerSpec): Picker
  /** Reserves one given slot: false at its limit. Sets the time of the pick. */
  reserve(slot: number): boolean
  /** Time of this thread's last successful reservation, ms. Valid until the next one. */
  startedAt(): number
  /** Time of this thread's last `end` or `answer` that was a latency sample, ms. Valid until the next one. */
  endedAt(): number
  /**
   * A request is over: gives its reservation back and records how it ended in one of the totals. With `latencyMs >= 0`
   * its latency goes into the average; where it succeeded into the histogram as well, else it may only raise the average:
   * a failure must not look quick, and a wait that was given up says that an answer takes at least as long. NaN stands
   * for "measure it: now - startedAt". Negative: no sample.
   */
  end(slot: number, startedAt: number, outcome: OutcomeCode, latencyMs: number): void
  /** The first half of `end`, for a request whose body is still to come: all but giving the reservation back. */
  answer(slot: number, startedAt: number, outcome: OutcomeCode, latencyMs: number): void
  /** The other half, of an answered request. `broken`: it had succeeded, and counts as failed after all. */
  close(slot: number, broken: boolean): void
  /** The next position of a service's round-robin cursor over `n` positions; exactly fair over all threads. */
  nextPosition(service: number, n: number): number
  /**
   * What an answer of a slot takes at time `now`, ms: the decayed latency average, or the time since the first request
   * there that nothing was answered after, where something is unanswered and that time is longer. 0: nothing is known.
   */
  latency(slot: number, now: number): number
  /**
   * Takes off the shared counts what a thread that has ended had in flight, and clears its contributions. Only for the
   * record's one cleaner. False where a count could not be settled now, since living threads were at work on it: to be
   * called again.
   */
  reclaim(thread: number): boolean
  /** The lines of waiting requests. @param tickets the balancer's, TICKET_BYTES long */
  openLines(tickets: Int32Array<SharedArrayBuffer>): WaitingLines
  /** Gives up the addon's side of this core. Pickers of it must not be called afterwards. */
  dispose(): void
}

/**
 * The lines of waiting requests, one for each tier of a service, over all threads: first come, first granted, tier 0 before
 * the others. Tickets are set up, and given up, by `lib/admission`; see `TICKET`.
 */
export interface WaitingLines {
  /** Whether a line has to be opened, with a ticket that becomes the line's, before a request can join it. */
  needsHead(service: number, tier: number): boolean
  /** False where another thread was first. The ticket may be given back at once either way: it is in line until the line has moved past it. */
  open(service: number, tier: number, ticket: number): boolean
  /** Puts an own ticket, which is in no line, at the end of a line. BOUND is set before. False where there is no room in it. */
  join(service: number, tier: number, ticket: number): boolean
  /**
   * Grants the first ticket that waits, and is not too late, a place. Returns it where it is this thread's own, else calls
   * its thread and returns `GRANTED_ELSEWHERE`; `NO_TICKET` where none waits.
   * @param ticks the time in ticks
   */
  grantNext(service: number, ticks: number): number
  /** Whether an own ticket, whose request does not wait any more, is still in line, and can join none. */
  isInLine(ticket: number): boolean
  /** Tickets in a line, those included whose requests have left it: about. */
  lengthOf(service: number, tier: number): number
  /** Has `onCall` run in this thread's event loop, which that does not keep alive, after each call of it; several may become one. */
  listen(onCall: () => void): void
  /** No more calls. */
  close(): void
  /** Calls the thread of a token. From any thread; nothing where it is no more. */
  call(token: number): void
}

/** What creates the cores: one per engine kind. */
export interface CoreFactory {
  /** `root` is the root segment, formatted; `thread` the record this thread has claimed. */
  createCore(root: Int32Array<SharedArrayBuffer>, thread: number): Core
}
