/** The active health checks of one service: one loop for each endpoint. */
import type { Endpoint } from '../../model/index.js'
import { jittered, type TimerHandle, type Timers } from '../../runtime/timers.js'
import { asCheckResult, type Check, type CheckResult, describeFailure, describeMs } from './check.js'
import { LoopWatch } from './loop-watch.js'
import type { ResolvedHealth } from './options.js'

export type ActiveCheckerOptions = Pick<ResolvedHealth, 'interval' | 'timeout' | 'jitter'>

/** Checks under way at once, over all endpoints of the service; the others wait for their turn in order. Bounds sockets and bursts. */
export const MAX_CHECKS_UNDER_WAY = 64

/** The first checks of all endpoints are spread over this, in ms, or over one interval where that is shorter. */
const FIRST_CHECK_SPREAD_MS = 200

/** A check keeps its time-out itself and then has this long, in ms, to say why it failed, before it is aborted. */
const SETTLE_GRACE_MS = 100

/**
 * A failure is thrown away when the event loop was held for more than this share of the check's time-out: the answer
 * may then have lain there unread. It is stricter than "held for an interval", which would still let a hold
 * that is only a little longer than the time-out eject every endpoint.
 */
const HELD_SHARE = 0.5

/** One call of the check function whose result is still wanted. */
interface Run {
  readonly controller: AbortController
  readonly began: number
  readonly heldBefore: number
  guard?: TimerHandle
}

interface Loop {
  endpoint: Endpoint
  /** When the last check began; NaN before the first. */
  began: number
  timer?: TimerHandle
  run?: Run
  /** When the call began that has not settled yet: still under way, or past its time-out and ignoring its signal. */
  calledAt?: number
  /** A round fell due while that call was unsettled: the next one begins as soon as it settles. */
  overdue?: boolean
}

/**
 * Calls `check` for each endpoint, again and again, and hands each result to `onResult` exactly once.
 *
 * One endpoint never has two checks at once. A call that does not settle in its time-out, nor soon after, is aborted and counts as failing;
 * while it still does not settle, later rounds count as failing without another call (all but the first of them, which
 * gives the call time to clean up). What arrives after `remove` or
 * `stop` is dropped. Whatever a check function throws, or returns in a wrong shape, is a failing check that says so.
 * Results with `discarded` must not count against the endpoint (see `CheckResult`).
 */
export class ActiveChecker {
  readonly #check: Check
  readonly #timers: Timers
  readonly #onResult: (endpoint: Endpoint, result: CheckResult) => void
  readonly #watch: LoopWatch
  readonly #loops = new Map<string, Loop>()
  /** Loops that are due and wait for one of MAX_CHECKS_UNDER_WAY, in order. */
  readonly #waiting = new Set<Loop>()
  readonly #unsettled = new Set<Promise<void>>()
  #options: ActiveCheckerOptions
  #underWay = 0
  #started = false

  constructor(
    options: ActiveCheckerOptions,
    check: Check,
    timers: Timers,
    onResult: (endpoint: Endpoint, result: CheckResult) => void,
  ) {
    this.#options = options
    this.#check = check
    this.#timers = timers
    this.#onResult = onResult
    this.#watch = new LoopWatch(timers, options.timeout)
  }

  /** Begins to check an endpoint, soon. One with the id and URL of a known endpoint takes over its loop. */
  add(endpoint: Endpoint): void {
    const known = this.#loops.get(endpoint.id)
    if (known?.endpoint.url === endpoint.url) {
      known.endpoint = endpoint
      return
    }
    this.remove(endpoint.id)
    const loop: Loop = { endpoint, began: Number.NaN }
    this.#loops.set(endpoint.id, loop)
    if (this.#started) this.#scheduleFirst(loop)
  }

  /** Unknown ids are ignored. */
  remove(id: string): void {
    const loop = this.#loops.get(id)
    if (loop === undefined) return
    this.#loops.delete(id)
    this.#halt(loop)
    this.#startWaiting()
  }

  /** Other options from now on: a wait under way is measured anew, a check under way keeps its time-out. */
  replace(options: ActiveCheckerOptions): void {
    this.#options = options
    this.#watch.setSpan(options.timeout)
    for (const loop of this.#loops.values()) {
      if (loop.timer === undefined || Number.isNaN(loop.began)) continue
      loop.timer.cancel()
      this.#scheduleNext(loop)
    }
  }

  start(): void {
    if (this.#started) return
    this.#started = true
    for (const loop of this.#loops.values()) this.#scheduleFirst(loop)
  }

  /**
   * Cancels all waits, aborts the checks under way and waits for them, at most one time-out for those that ignore their
   * signal. The endpoints stay known: `start` goes on with them.
   */
  async stop(): Promise<void> {
    this.#started = false
    for (const [id, loop] of this.#loops) {
      this.#halt(loop)
      this.#loops.set(id, { endpoint: loop.endpoint, began: Number.NaN })
    }
    if (this.#unsettled.size === 0) return
    let limit: TimerHandle | undefined
    const tooLong = new Promise<void>((resolve) => {
      limit = this.#timers.after(this.#options.timeout, resolve)
    })
    await Promise.race([Promise.all(this.#unsettled), tooLong])
    limit?.cancel()
  }

  /** Takes a loop out of everything that it waits for. Its object is not used again. */
  #halt(loop: Loop): void {
    loop.timer?.cancel()
    loop.timer = undefined
    this.#waiting.delete(loop)
    const run = loop.run
    if (run === undefined) return
    this.#end(loop, run)
    run.controller.abort()
  }

  #scheduleFirst(loop: Loop): void {
    const spread = Math.min(this.#options.interval, FIRST_CHECK_SPREAD_MS)
    this.#wait(loop, this.#timers.random() * spread)
  }

  #scheduleNext(loop: Loop): void {
    const { interval, jitter } = this.#options
    this.#wait(loop, loop.began + jittered(this.#timers, interval, jitter) - this.#timers.now())
  }

  #wait(loop: Loop, ms: number): void {
    loop.timer = this.#timers.after(Math.max(0, ms), () => {
      loop.timer = undefined
      this.#due(loop)
    })
  }

  #due(loop: Loop): void {
    if (loop.calledAt === undefined) {
      this.#waiting.add(loop)
      this.#startWaiting()
      return
    }
    loop.began = this.#timers.now()
    this.#scheduleNext(loop)
    if (!loop.overdue) {
      loop.overdue = true
      return
    }
    const latencyMs = loop.began - loop.calledAt
    const detail = `the check function has not settled for ${describeMs(latencyMs)}, though its signal was aborted`
    this.#onResult(loop.endpoint, { ok: false, latencyMs, detail })
  }

  #settled(loop: Loop): void {
    loop.calledAt = undefined
    if (!loop.overdue) return
    loop.overdue = false
    // No timer: halted meanwhile.
    if (loop.timer === undefined) return
    loop.timer.cancel()
    loop.timer = undefined
    this.#due(loop)
  }

  #startWaiting(): void {
    for (const loop of this.#waiting) {
      if (this.#underWay >= MAX_CHECKS_UNDER_WAY) return
      this.#waiting.delete(loop)
      this.#begin(loop)
    }
  }

  #begin(loop: Loop): void {
    const { endpoint } = loop
    const { timeout } = this.#options
    this.#underWay++
    this.#watch.enter()
    const began = this.#timers.now()
    const run: Run = { controller: new AbortController(), began, heldBefore: this.#watch.heldMs() }
    loop.began = began
    loop.calledAt = began
    loop.run = run
    const settled = this.#call(endpoint, timeout, run.controller.signal).then((result) => {
      this.#unsettled.delete(settled)
      this.#settled(loop)
      this.#finish(loop, run, result)
    })
    this.#unsettled.add(settled)
    run.guard = this.#timers.after(timeout + SETTLE_GRACE_MS, () => {
      run.controller.abort()
      this.#finish(loop, run, {
        ok: false,
        latencyMs: Number.NaN,
        detail: `no result within ${describeMs(timeout)}`,
      })
    })
  }

  /** Never rejects. */
  async #call(endpoint: Endpoint, timeout: number, signal: AbortSignal): Promise<CheckResult> {
    try {
      return asCheckResult(await this.#check(endpoint, timeout, signal))
    } catch (error) {
      return { ok: false, latencyMs: Number.NaN, detail: describeFailure(error) }
    }
  }

  /** The first result of a run counts; none does after `remove` or `stop`. */
  #finish(loop: Loop, run: Run, result: CheckResult): void {
    if (loop.run !== run) return
    const { ok, detail } = result
    const latencyMs = Number.isFinite(result.latencyMs) ? result.latencyMs : this.#timers.now() - run.began
    const heldMs = this.#watch.heldMs() - run.heldBefore
    const { interval, timeout } = this.#options
    const untrusted = !ok && (result.discarded === true || heldMs > Math.min(interval, timeout * HELD_SHARE))
    this.#end(loop, run)
    this.#scheduleNext(loop)
    this.#startWaiting()
    this.#onResult(
      loop.endpoint,
      untrusted ? { ok, latencyMs, detail, discarded: true } : { ok, latencyMs, detail },
    )
  }

  #end(loop: Loop, run: Run): void {
    run.guard?.cancel()
    loop.run = undefined
    this.#underWay--
    this.#watch.leave()
  }
}
