/**
 * What the limiter of requests to one endpoint keeps, and what each request adds to it: counts and sums, no decision.
 * `rollWindow` decides; concurrency-limit.ts tells how. Times are in ms.
 */
export interface ConcurrencyState {
  /** Requests allowed in flight: a whole number from 1 (2 but while probing) to the highest allowed. */
  limit: number
  phase: number
  /** 1: more is in flight than the limit allows; what is answered meanwhile does not count. */
  draining: number
  /** Mean latency with few requests in flight, and how many samples speak for it; 0: unknown. */
  baseMs: number
  baseSamples: number
  /** Requests that the endpoint works on at once at its best. */
  work: number
  /** Answers and time of the windows behind `work`, fading. */
  rateAnswers: number
  rateMs: number
  /** When requests in flight were cut last; when the base was probed last, and how many intervals to leave until next time. */
  cutAt: number
  probedAt: number
  probeWait: number
  /** When the limit was reached last. */
  neededAt: number
  /** When it worked on more than next to nothing last. */
  busyAt: number
  /** When a caller gave up last, or came with a deadline. */
  impatientAt: number
  /** When it was seen last that callers leave long polls; 0: never. */
  pollsAt: number
  /** When the request was sent that was sent last of those that have been answered. */
  answeredSentAt: number
  /** A request that is sent with at most so many in flight, itself included, is a sample of the base. */
  fewInFlight: number

  // The window: added to by every request.
  windowStart: number
  answers: number
  latencySum: number
  /** Of the answers, those within 1.05 bases. */
  prompt: number
  aborts: number
  abortAgeSum: number
  /** Callers gave up on so many that were old, and that later requests had overtaken. */
  overtaken: number
  /** Samples of the base: of the requests sent with few in flight, or of all while probing. */
  fewAnswers: number
  fewLatencySum: number
  /** Outcomes in a row that took more than LATE_BASES bases. */
  late: number
  /** 1: the limit has been reached since the window began. */
  reached: number
}

export const OPEN = 0
export const LIMITED = 1
export const PROBING = 2

export const LATE = 6
export const LATE_BASES = 2
/** With fewer samples of the base than this, requests in flight must be growing, too: 1.4 times what rate x latency explains. */
const TRUSTED_SAMPLES = 4
const GROWING = 1.4
const PROBE_ANSWERS = 10
/** So many callers leave an endpoint that has answered nobody yet before it is taken to be overloaded. */
const UNANSWERED = 16
/** No window is over sooner, ms, unless a limit changes. */
export const LEAST_WINDOW_MS = 100
/** A limit is set only where a caller has given up within this, ms, or has a deadline: where nobody does, a queue does no harm. */
export const IMPATIENT_MS = 60_000
/** Who has waited for longer than this, ms, or has a deadline that is further off, was not impatient: a long poll, a large report. */
export const PATIENCE_MS = 10_000
/** What has been overtaken after so many bases is a long poll, and no request that takes a little longer than others. */
const POLL_BASES = 4
/** Where long polls were seen within this, ms, callers who leave begin no limit. */
const POLLS_MS = 60_000

export function initialState(now: number, max: number): ConcurrencyState {
  return {
    ...{
      limit: max,
      phase: OPEN,
      draining: 0,
      baseMs: 0,
      baseSamples: 0,
      work: 0,
      rateAnswers: 0,
      rateMs: 0,
    },
    ...{
      cutAt: now,
      probedAt: now,
      probeWait: 0,
      neededAt: now,
      busyAt: now,
      impatientAt: Number.NEGATIVE_INFINITY,
      pollsAt: 0,
      answeredSentAt: 0,
      fewInFlight: 1,
    },
    ...{ windowStart: now, answers: 0, latencySum: 0, prompt: 0, aborts: 0, abortAgeSum: 0, overtaken: 0 },
    ...{ fewAnswers: 0, fewLatencySum: 0, late: 0, reached: 0 },
  }
}

/** A request was sent; `inFlight` counts it. True: it is a sample of the base, which is handed back with its answer. */
export function noteSent(state: ConcurrencyState, now: number, inFlight: number): boolean {
  if (inFlight >= state.limit && state.reached === 0 && state.draining === 0) {
    state.reached = 1
    // A rate counts from here on only: before, there was less to do.
    if (state.phase === LIMITED) clearWindow(state, now)
  }
  return inFlight <= state.fewInFlight
}

/** Headers came. `few` is what {@link noteSent} said. True: `rollWindow` is due. */
export function noteAnswer(
  state: ConcurrencyState,
  now: number,
  latencyMs: number,
  inFlight: number,
  few: boolean,
): boolean {
  if (few || state.phase === PROBING) {
    state.fewAnswers++
    state.fewLatencySum += latencyMs
  }
  state.answeredSentAt = Math.max(state.answeredSentAt, now - latencyMs)
  state.answers++
  state.latencySum += latencyMs
  if (latencyMs <= 1.05 * state.baseMs) state.prompt++
  noteLateness(state, latencyMs)
  return isDue(state, now, inFlight)
}

/** A caller gave up before the headers, `ageMs` after its request was sent. True: `rollWindow` is due. */
export function noteAbort(state: ConcurrencyState, now: number, ageMs: number, inFlight: number): boolean {
  const sentAt = now - ageMs
  const counts =
    ageMs > (state.baseSamples > 0 ? state.baseMs / 2 : LEAST_WINDOW_MS) &&
    ageMs <= PATIENCE_MS &&
    // What was sent before the last cut tells of the surplus that was cut.
    sentAt >= state.cutAt
  if (counts) countAbort(state, now, ageMs)
  return (counts || state.draining === 1) && isDue(state, now, inFlight)
}

function countAbort(state: ConcurrencyState, now: number, ageMs: number): void {
  // What others have overtaken did not wait in line: it is long at work, or a long poll.
  if (now - ageMs < state.answeredSentAt) {
    if (ageMs > POLL_BASES * state.baseMs) state.overtaken++
    return
  }
  state.impatientAt = now
  if (state.phase === OPEN && arePolls(state, now)) return
  state.aborts++
  state.abortAgeSum += ageMs
  noteLateness(state, ageMs)
}

const arePolls = (state: ConcurrencyState, now: number): boolean =>
  state.pollsAt > 0 && now - state.pollsAt < POLLS_MS

function noteLateness(state: ConcurrencyState, ms: number): void {
  if (ms > LATE_BASES * state.baseMs) state.late++
  else if (state.late > 0) state.late = 0
}

/** Whether there is something for `rollWindow` to do. Reads only. */
export function isDue(state: ConcurrencyState, now: number, inFlight: number): boolean {
  if (state.draining === 1) return inFlight < state.limit
  if (state.baseSamples === 0 && state.fewAnswers > 0) return true
  if (isBlind(state)) return isUnanswered(state)
  if (state.phase === OPEN && isQueueStanding(state, now, inFlight)) return true
  if (state.phase === PROBING && isProbed(state, now)) return true
  if (hasLostPace(state, inFlight)) return true
  const age = now - state.windowStart
  const outcomes = state.answers + state.aborts
  const base = state.baseMs
  return (
    (outcomes >= 16 && age >= Math.max(LEAST_WINDOW_MS, base)) ||
    (outcomes >= 4 && age >= Math.max(1_000, 2 * base)) ||
    (outcomes >= 1 && age > Math.max(5_000, 5 * base))
  )
}

/** Nothing is known of the endpoint: no answer has come yet. */
export const isBlind = (state: ConcurrencyState): boolean =>
  state.phase === OPEN && state.baseSamples === 0 && state.answers === 0

/** Nothing is known of the endpoint but that callers leave it. */
export const isUnanswered = (state: ConcurrencyState): boolean => state.aborts >= UNANSWERED

export const isQueueStanding = (state: ConcurrencyState, now: number, inFlight: number): boolean =>
  state.late >= LATE &&
  now - state.impatientAt < IMPATIENT_MS &&
  (state.baseSamples >= TRUSTED_SAMPLES || inFlight > GROWING * meanInFlight(state, now))

export const isProbed = (state: ConcurrencyState, now: number): boolean =>
  state.fewAnswers >= PROBE_ANSWERS || (state.fewAnswers >= 4 && now - state.cutAt > 12 * state.baseMs)

export const hasLostPace = (state: ConcurrencyState, inFlight: number): boolean =>
  state.phase === LIMITED && state.reached === 1 && inFlight < state.limit / 2

/** By Little's law. */
export const meanInFlight = (state: ConcurrencyState, now: number): number =>
  (state.latencySum + state.abortAgeSum) / (now - state.windowStart)

export function clearWindow(state: ConcurrencyState, now: number): void {
  state.windowStart = now
  state.answers = 0
  state.latencySum = 0
  state.prompt = 0
  state.aborts = 0
  state.abortAgeSum = 0
  state.overtaken = 0
}
