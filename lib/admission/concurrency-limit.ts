import {
  type ConcurrencyState,
  clearWindow,
  hasLostPace,
  isBlind,
  isProbed,
  isQueueStanding,
  isUnanswered,
  LATE,
  LIMITED,
  meanInFlight,
  OPEN,
  PROBING,
} from './concurrency-state.js'

/**
 * How many requests one endpoint is given at once where nobody has said it. Arithmetic over a plain record: the caller brings
 * the clock and keeps the record: `SharedConcurrency` has one for each endpoint in shared memory.
 *
 * 1. *Base* is the mean latency with few requests in flight (of a request that is alone, or of half the usual number).
 * 2. Little's law: what keeps an endpoint busy without a queue is *work* = answers per ms x base. The limit is GAIN x work:
 *    the workers, and as many requests again that wait at the endpoint, so that no worker idles (BBR's gain of two).
 * 3. OPEN: there is no limit until a queue stands there: LATE answers in a row took more than LATE_BASES bases (CoDel: a delay
 *    that does not go away) and a caller has given up lately, or more gave up than were answered. An abort younger than half the
 *    base says nothing, nor one of a request that a later one has overtaken; where most are such, callers leave long polls.
 *    Where nobody has ever been answered, that callers leave is all there is to see: sixteen of them begin with a probe.
 * 4. LIMITED: each window in which the limit was reached throughout measures the rate anew. Below the endpoint's workers the
 *    work equals what is in flight, so the limit doubles from window to window; above, it stays where it is.
 * 5. A window in which most answers took no longer than the base had no queue: it never lowers the limit.
 * 6. PROBING: a limit below the work for ten answers shows the base: limit x time / answers, which also counts those that are
 *    not answered yet (BBR's ProbeRTT, with a mean in place of the least). Due after 15 bases, then 30 and so on up to 300;
 *    at once where the work seems to have fallen. Before it the surplus in flight must have been answered.
 * 7. Windows in which the limit was not reached raise it by a quarter, until it is gone; a minute without use ends it too.
 * 8. At the least limit, and next to nobody is answered: what is in flight waits for something else than its turn (long polls, an
 *    endpoint that hangs). The limit is lifted.
 *
 * Sources: Little 1961; BBR (draft-ietf-ccwg-bbr: cwnd_gain 2, ProbeRTT at half the estimate); CoDel (RFC 8289, standing
 * queue); Netflix's concurrency-limits and Envoy's gradient controller, which take a long average or the least round trip as
 * the base. docs/decisions/0019-concurrency-limit.md has them all compared. Times are in ms.
 */
const MIN_LIMIT = 2
const GAIN = 2
/** Answers remembered, in the base and in the rate. */
const MEMORY = 32
const PROBE_SHARE = 0.75
const PROBE_EVERY_MS = 1_000
const PROBE_EVERY_BASES = 15
const MAX_PROBE_WAIT = 20
/** A window's work below this share of the estimate is looked into by a probe, and lowers it no further at once. */
const FALL = 0.6
const RELAX = 1.25
const FORGET_MS = 60_000
const FEW_OVERDUE = 2
const FEW_POLLS = 3
/** An endpoint that works on less than this, while requests wait for their answers, does not have them in line. */
const IDLE = 0.2
const STUCK_MS = 20_000
const STUCK_BASES = 40

/**
 * Ends the window and sets the limit anew. One thread at a time: whoever exchanges `windowStart` first.
 * @param max the highest limit, of the configuration
 */
export function rollWindow(state: ConcurrencyState, now: number, inFlight: number, max: number): void {
  if (state.draining === 1) {
    if (inFlight < state.limit) endDraining(state, now)
    return
  }
  if (state.baseSamples === 0) learnBase(state, state.fewAnswers, state.fewLatencySum)
  if (isBlind(state)) {
    if (isUnanswered(state)) beginBlindly(state, now, inFlight, max)
    return
  }
  if (state.phase === OPEN && isQueueStanding(state, now, inFlight)) beginLimit(state, now, inFlight, max)
  else if (state.phase === PROBING && isProbed(state, now)) endProbe(state, now, inFlight, max)
  else if (hasLostPace(state, inFlight)) state.reached = 0
  // After idle hours a window tells nothing.
  else if (now - state.windowStart <= 20 * Math.max(1_000, state.baseMs)) decide(state, now, inFlight, max)
  clearWindow(state, now)
}

/** Of a window that has lasted. */
const workOf = (state: ConcurrencyState, now: number): number =>
  (state.answers / (now - state.windowStart)) * state.baseMs

function decide(state: ConcurrencyState, now: number, inFlight: number, max: number): void {
  if (showsPolls(state)) state.pollsAt = now
  // What is sent while a queue stands there tells nothing of the base, however few they are beside the others.
  const isQueued = state.phase === OPEN && state.late >= LATE
  if (state.phase !== PROBING && !isQueued) learnFromWindow(state)
  const leaving = state.aborts > state.answers && state.aborts >= 3
  if (state.phase === OPEN) {
    state.work = Math.max(0.9 * state.work, workOf(state, now))
    if (!isQueued) state.fewInFlight = Math.max(1, Math.floor(meanInFlight(state, now) / 2))
    if (leaving) beginLimit(state, now, inFlight, max)
    return
  }
  // Nobody is served, however few are sent at once.
  if (workOf(state, now) >= IDLE) state.busyAt = now
  if (
    state.aborts > state.answers &&
    state.limit <= MIN_LIMIT &&
    now - state.busyAt > Math.max(STUCK_MS, STUCK_BASES * state.baseMs)
  )
    return lift(state, now, max)
  if (leaving || state.reached === 1) state.neededAt = now
  else if (now - state.neededAt > FORGET_MS) return open(state, max)
  if (leaving) {
    state.work = Math.max(0.5, state.work / 2)
    state.probeWait = 0
    return beginProbe(state, now, inFlight, max)
  }
  if (state.phase === PROBING) return
  if (state.reached === 0) return relax(state, now, max)
  fadeInRate(state, now)
  const work = (state.rateAnswers / state.rateMs) * state.baseMs
  if (work < state.work && 2 * state.prompt >= state.answers + state.aborts) return
  const fell = work < FALL * state.work
  state.work = Math.max(work, FALL * state.work)
  if (fell) state.probeWait = 0
  const interval = state.probeWait * Math.max(PROBE_EVERY_MS, PROBE_EVERY_BASES * state.baseMs)
  // Where latency is near the base there is nothing to verify.
  const queued = state.latencySum > 1.4 * state.baseMs * state.answers
  if (fell || (queued && now - state.probedAt > interval)) beginProbe(state, now, inFlight, max)
  else setLimit(state, GAIN * state.work, inFlight, max, now)
}

/** More than one or two that are lost: most of what the endpoint has. */
export const isCrowded = (state: ConcurrencyState, overdue: number): boolean =>
  overdue > FEW_OVERDUE && 2 * overdue >= state.limit

/** It is no line that holds requests up: the limit helps nobody. For a while only answers that are late make one again. */
export function lift(state: ConcurrencyState, now: number, max: number): void {
  open(state, max)
  state.draining = 0
  state.late = 0
  state.pollsAt = now
}

/** Most of those who left had been overtaken, by requests that were answered as promptly as ever: they did not stand in line. */
const showsPolls = (state: ConcurrencyState): boolean =>
  state.overtaken >= FEW_POLLS && state.overtaken > state.aborts && 2 * state.prompt >= state.answers

/** Samples of the base that came by themselves; and a mean latency below the base, at whatever load, is a better base. */
function learnFromWindow(state: ConcurrencyState): void {
  if (state.fewAnswers >= 4) learnBase(state, state.fewAnswers, state.fewLatencySum)
  if (state.answers >= 8 && state.latencySum < 0.75 * state.baseMs * state.answers)
    learnBase(state, state.answers, state.latencySum)
}

function learnBase(state: ConcurrencyState, samples: number, sumMs: number): void {
  if (samples === 0) return
  const mean = sumMs / samples
  // The endpoint is another than it was.
  const ratio = mean / state.baseMs
  const changed = (samples >= 8 && (ratio > 2.5 || ratio < 0.4)) || (samples >= 4 && ratio > 5)
  const kept = changed ? 0 : Math.min(state.baseSamples, MEMORY)
  state.baseMs = (state.baseMs * kept + sumMs) / (kept + samples)
  state.baseSamples = kept + samples
  state.fewAnswers = 0
  state.fewLatencySum = 0
}

/** Windows are remembered until MEMORY answers; one that differs by 2.5 standard deviations starts anew. */
function fadeInRate(state: ConcurrencyState, now: number): void {
  const age = now - state.windowStart
  const { answers } = state
  const expected = state.rateMs > 0 ? (state.rateAnswers / state.rateMs) * age : 0
  const differs = Math.abs(answers - expected) > 2.5 * Math.sqrt(Math.max(answers, expected, 1))
  const kept = state.rateMs === 0 || differs ? 0 : 1
  const sum = kept * state.rateAnswers + answers
  const fade = sum > MEMORY ? Math.max(MEMORY, answers) / sum : 1
  state.rateAnswers = sum * fade
  state.rateMs = (kept * state.rateMs + age) * fade
}

function beginLimit(state: ConcurrencyState, now: number, inFlight: number, max: number): void {
  const known = now - state.windowStart > state.baseMs / 2 && state.answers >= 3
  if (known) state.work = Math.max(0.7 * state.work, workOf(state, now))
  state.phase = LIMITED
  state.neededAt = now
  state.busyAt = now
  state.probeWait = 0
  forgetRate(state)
  setLimit(state, GAIN * state.work, inFlight, max, now)
}

/** Nobody was ever answered in time: one at a time shows what an answer takes, once what lies there in line is worked off. */
function beginBlindly(state: ConcurrencyState, now: number, inFlight: number, max: number): void {
  state.neededAt = now
  state.busyAt = now
  state.probeWait = 0
  beginProbe(state, now, inFlight, max)
}

function beginProbe(state: ConcurrencyState, now: number, inFlight: number, max: number): void {
  state.phase = PROBING
  state.probeWait = Math.min(MAX_PROBE_WAIT, Math.max(1, 2 * state.probeWait))
  state.limit = Math.max(1, Math.min(max, Math.round(PROBE_SHARE * state.work)))
  state.fewInFlight = state.limit
  cut(state, now, inFlight)
}

function endProbe(state: ConcurrencyState, now: number, inFlight: number, max: number): void {
  const { fewAnswers } = state
  // Time in flight of all that were: `limit` at once. The answer that ends the probe is no part of a rate.
  const busy = state.reached === 1 && inFlight >= state.limit - 1
  const spent = (state.limit * (now - state.cutAt) * fewAnswers) / (fewAnswers - 1)
  // Callers who gave up have spent time there, too: no more than as much again, or no abort would ever be old enough.
  const sum = busy ? Math.min(spent, 2 * state.fewLatencySum) : state.fewLatencySum
  learnBase(state, fewAnswers, sum)
  state.phase = LIMITED
  state.probedAt = now
  forgetRate(state)
  setLimit(state, GAIN * state.work, inFlight, max, now)
}

function setLimit(state: ConcurrencyState, limit: number, inFlight: number, max: number, now: number): void {
  state.limit = Math.max(Math.min(MIN_LIMIT, max), Math.min(max, Math.ceil(limit - 0.2)))
  if (state.phase === LIMITED && state.rateMs === 0) cut(state, now, inFlight)
}

/** What is in flight above the limit is waited for. */
function cut(state: ConcurrencyState, now: number, inFlight: number): void {
  state.reached = 0
  state.cutAt = now
  state.draining = 1
  if (inFlight < state.limit) endDraining(state, now)
}

function endDraining(state: ConcurrencyState, now: number): void {
  state.draining = 0
  state.late = 0
  state.fewAnswers = 0
  state.fewLatencySum = 0
  state.cutAt = now
  clearWindow(state, now)
}

function relax(state: ConcurrencyState, now: number, max: number): void {
  state.work = Math.max(state.work, workOf(state, now))
  if (state.latencySum >= 1.5 * state.baseMs * state.answers) return
  state.limit = Math.min(max, Math.ceil(RELAX * state.limit))
  if (state.limit >= max) open(state, max)
}

function open(state: ConcurrencyState, max: number): void {
  state.phase = OPEN
  state.limit = max
}

function forgetRate(state: ConcurrencyState): void {
  state.rateAnswers = 0
  state.rateMs = 0
}
