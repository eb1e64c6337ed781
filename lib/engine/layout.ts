/**
 * The layout of a balancer's shared memory: written once, here. `src/layout.hpp` is generated from this file
 * (`npm run build:layout`) and its fingerprint is compared when the addon loads and when a handle is attached.
 *
 * A *word* is 32 bits. Two-word fields start at an even word, so that they are 8-byte aligned and can be one 64-bit
 * atomic operation. Every group of fields that different threads write sits on a 64-byte cache line of its own.
 * Memory is little-endian, as on every platform that Node runs on.
 */
import { fingerprintOf } from '../runtime/bits.js'

export const LAYOUT_VERSION = 7
/** 'FLRD' read as a little-endian word. */
export const MAGIC = 0x44524c46

/** Pages of shared configuration; see `share/config-store.ts`. */
export const CONFIG_PAGES = 8

/** Root segment: one header, then the thread records. Services and endpoints have segments of their own. */
export const HEADER = {
  MAGIC: 0,
  VERSION: 1,
  FINGERPRINT: 2,
  /** 0: fallback, 1: native. */
  ENGINE: 3,
  MAX_THREADS: 4,
  /** 0: the system's monotonic clock, 1: MANUAL_NOW. */
  CLOCK_MODE: 6,
  SEED: 7,
  /** float64, ms: the time while CLOCK_MODE is 1. */
  MANUAL_NOW: 8,
  /** Token of the thread that runs the control loops (see `threadToken`); 0: none. */
  LEADER: 16,
  /** 1 once a thread has called `start()`: the leader runs active checks. */
  STARTED: 17,
  /** float64, ms: the leader's last sign of life. */
  LEADER_BEAT: 18,
  /** 1 once the balancer was stopped by its creator. */
  STOPPED: 20,
  /** Two random words that name the block. */
  ID: 22,
  /** Thread records ever claimed: those from here on were never used. */
  THREADS_USED: 24,
  /** Grows by one with each claim of a thread record, before the record counts as living. */
  THREAD_CLAIMS: 25,
  /** Tickets of waiting requests that were ever handed out. */
  TICKETS_USED: 26,
  /** Token of the thread that puts counts right after an end; 0: none does. */
  SETTLING: 27,
  /** Slots ever handed out; slots below it may be free again. */
  SLOTS_USED: 32,
  /** Grows by one with each slot that is given back. */
  SLOTS_FREED: 33,
  /** As SLOTS_USED and SLOTS_FREED, of service records. */
  SERVICES_USED: 34,
  SERVICES_FREED: 35,
  /** u64: version of the shared configuration (high word), its page (4 bits) and length in bytes (28 bits); 0: none. */
  CONFIG_HEAD: 36,
  /** For each page the token of the thread that writes it; 0: nobody. */
  PAGE_OWNER: 40,
  /** For each page the version of the configuration that it begins with; set before the page is written. */
  PAGE_FILL: 48,
  WORDS: 64,
} as const

/** One thread that works on the block. A record has a single writer: its own thread (claiming apart). */
export const THREAD = {
  /** Odd while the record is in use; grows by one at each claim and each release. */
  EPOCH: 0,
  /** Version of the shared configuration that this thread has taken over; 0: none yet. */
  CONFIG_SEEN: 1,
  /** float64, ms: last sign of life. */
  BEAT: 2,
  /** State of the random generator, four words (xoshiro128++). */
  RANDOM: 4,
  /** Four words: ids of the thread and of the threads that started it (`runtime/thread-ends.ts`). */
  LINEAGE: 8,
  /** The thread's id plus one, from before it takes the record until after it gives it back; 0: the record is free. */
  HOLDER: 12,
  /** HOLDER once that thread is known to have ended: what it left is being taken back. */
  ENDED: 13,
  /** Token of the thread that takes back what this one left; 0: nobody. */
  CLEANER: 14,
  /** Grows by one with each call to look at its waiting requests; what the fallback engine sleeps on. Written by all. */
  CALLED: 16,
  WORDS: 32,
} as const

export const SERVICE = {
  /** Round-robin cursor, unsigned. A cache line of its own: every round-robin pick writes it. */
  CURSOR: 0,
  /** Grows by one whenever the set of usable endpoints may have changed; read by every pick. */
  FILTER_EPOCH: 16,
  /** Requests that wait for a place, those included that have been granted one and have not taken it; read by every pick. */
  WAITING: 17,
  /** Requests in flight to the whole service; kept only while a limit is set. */
  IN_FLIGHT: 32,
  /** u64 totals. */
  RETRIED: 34,
  OVERLOADED: 36,
  NO_ENDPOINT: 38,
  /** As those of a slot. */
  GENERATION: 40,
  CLAIM: 41,
  /** The slot that keeps the totals of endpoints that have left the service, plus one. */
  GONE_SLOT: 42,
  /** u64 totals: of those retried, tries that count as cancelled, and as succeeded. */
  RETRIED_CANCELLED: 44,
  RETRIED_SUCCEEDED: 46,
  /** Second (since the clock's origin) of the newest budget bucket. */
  BUDGET_SECOND: 48,
  /** Ten one-second buckets, signed, in thousandths of a retry: deposits minus withdrawals. */
  BUDGET_BUCKETS: 49,
  /** Fallback engine: first of TIERS words, the ticket at the head of each line; see `TICKET.NEXT`. */
  HEADS: 64,
  /** Grows by one with each thread that would have granted a place, and found as many granted as there are free. */
  TURNED_AWAY: 68,
  /** Ticks, with the lowest bit set: when a caller gave up last, or came with a deadline; 0: none has. */
  IMPATIENT_AT: 69,
  /**
   * Connections that are open or being opened, requests that wait for one, and further tries under way, to all endpoints of
   * the service.
   */
  CONNECTIONS: 70,
  PENDING: 71,
  ACTIVE_RETRIES: 72,
  /** As that of a slot: any of the service's connections will do. */
  CONNECTION_ASKED_AT: 73,
  /** Fallback engine: as HEADS, of the end. */
  TAILS: 80,
  /**
   * Of each tier, ticks with the lowest bit set: since when somebody has been waiting of it or a tier before it; 0: nobody has.
   */
  WAITING_SINCE: 84,
  /** As WAITING_SINCE: when the last of them was gone. */
  EMPTY_SINCE: 88,
  /** Of each tier, in 65,536ths: share of its waits lately that were longer than the short ones of a standing queue. */
  LONG_WAITS: 92,
  /** Requests that have been granted a place and have not taken it. A guess: it is made 0 when nobody waits. */
  GRANTED: 96,
  /** Two words: bit `thread & 63` is set while that thread has waiters which a free place was no use to. */
  PASSED: 98,
  /** u64 totals: requests that waited and got a place, did not within their time, and were given up by their callers. */
  ADMITTED: 100,
  LATE: 102,
  LEFT: 104,
  /** Calls of other threads' event loops; exchanges that another thread won; grants taken back from threads that were held. */
  WAKE_UPS: 106,
  RETRIES: 107,
  REVOKED: 108,
  /** u64 total: requests that the queue had no room for. */
  REFUSED: 110,
  /** Latency histogram of the waits of those that got a place, `HISTOGRAM_BUCKETS` words. */
  WAITS: 112,
  /** Admission control: number of the newest bucket's period since the clock's origin, modulo 2^32. */
  CONTROL_PERIOD: 368,
  /** First of TIERS u64 totals: requests that admission control has rejected. */
  CONTROL_REJECTED: 376,
  /** Ring of CONTROL_BUCKET_COUNT buckets, signed; see `CONTROL_BUCKET`. */
  CONTROL_BUCKETS: 384,
  WORDS: 464,
} as const

export const BUDGET_BUCKET_COUNT = 10

/** What admission control counts in one period. */
export const CONTROL_BUCKET = {
  /** Requests that ended well or badly, and those that ended well. */
  ENDED: 0,
  SUCCEEDED: 1,
  /** First of TIERS words: requests that asked to be admitted. */
  ASKED: 2,
  WORDS: 6,
} as const

/** Periods of admission control's window, and the one that comes next. */
export const CONTROL_BUCKET_COUNT = 11

/**
 * An endpoint's slot: four cache lines. The first is written by every request, the second and the third on failures and
 * changes, the fourth as connections come and go.
 */
export const SLOT = {
  IN_FLIGHT: 0,
  /** Of those in flight, requests whose answer has begun: open streams. The others are *unanswered*. */
  OPEN: 1,
  /** u64: low word the time stamp in ticks of 1/16 ms, high word the latency in ms as float32. */
  LATENCY: 2,
  /** u64 total of requests that were answered well. */
  SUCCEEDED: 4,
  /** float32, more than 0. */
  WEIGHT: 6,
  /**
   * Above 0: requests in flight allowed; 0: no limit. Below 0 its negative counts those that are *unanswered*, and MOST holds
   * besides: what was found of an endpoint where nobody has said it. `publishLimit` makes it of MOST and CONCURRENCY.LIMIT.
   */
  LIMIT: 7,
  /** Index of the histogram that takes the latency samples, plus one; 0: none. */
  HISTOGRAM: 8,
  /** float32, ms: time constant of the latency average. */
  DECAY_MS: 9,
  /** Bits, see SLOT_FLAGS. */
  FLAGS: 10,
  /**
   * Ticks, with the lowest bit set: when the first request was sent that nothing has been answered since; 0: there is
   * none. It counts only while something is unanswered.
   */
  SILENT_SINCE: 11,
  /** Failures in a row. On this line, since every success looks whether there is one to forget. */
  LOCAL_FAILURES: 12,
  STATUS_FAILURES: 13,
  /** Bodies in a row that the endpoint broke after it had answered; only a complete body ends the run. */
  BODY_FAILURES: 14,
  /** float32, ms: the last answer's latency. A slower one makes the average jump only where it confirms this one. */
  LAST_LATENCY: 15,

  /** Odd while the slot belongs to an endpoint; grows by one when taken and when freed. */
  GENERATION: 16,
  SERVICE: 17,
  /** 0 ready, 1 drain, 2 maint; 3 drained by its own agent. */
  ADMIN: 18,
  /** Active checks: 0 unknown (counts as healthy), 1 healthy, 2 unhealthy. */
  HEALTH: 19,
  /**
   * Passive detection: 0 none, 1 ejected, 2 waits for its probe request, 3 the probe request is under way, 4 it was
   * answered and its body is waited for.
   */
  EJECTION: 20,
  /** Ejections so far that count for the backoff. */
  EJECTIONS: 21,
  /** float64, ms: end of the ejection, or of the wait for a probe's body; when it came back, while it is in. */
  EJECTED_UNTIL: 22,
  /** Why it was ejected last: a code of `health/ejection-words.ts`. */
  EJECTION_CAUSE: 24,
  /** 0 auto, 1 open, 2 closed. */
  BREAKER: 25,
  /** Passing (positive) or failing (negative) active checks in a row. */
  CHECK_RUN: 26,
  /** float32, 0 to 1: share of recent checks that passed. */
  HEALTH_SCORE: 27,
  /** Token of the thread that has the slot in its hands to set it up or to free it; 0: nobody. */
  CLAIM: 28,
  /** Ticks, with the lowest bit set: when a request was last sent there to look whether a silent endpoint answers; 0: none. */
  TRIAL_AT: 29,
  /** float64, ms: when the endpoint last began to take requests; slow start counts from here. */
  READY_SINCE: 30,

  /** u64 totals. */
  FAILED: 32,
  CANCELLED: 34,
  /** float64, ms: until when the endpoint is left alone because an answer of its own asked for it (`Retry-After`). */
  PARKED_UNTIL: 36,
  /** float64, ms: beginning of the window in which connection failures are counted; 0: none is open. */
  FAILURES_SINCE: 38,
  /** Low word of the endpoint's ended requests when that window began. */
  FAILURES_BASE: 40,
  /** Connection failures in that window. */
  FAILURES_SEEN: 41,
  /** float64, ms: when the probe request under way began; a probe has a longest time. */
  PROBE_SINCE: 42,
  /** Answers of 502, 503 and 504 in a row. Never above 0 while STATUS_FAILURES is 0, so a success need not look here. */
  GATEWAY_FAILURES: 44,
  /** Requests in flight allowed by the configuration, or by the endpoint's agent; 0: no limit. */
  MOST: 45,

  /** Connections of fairlead's own that are open or being opened, requests that wait for one, and further tries under way. */
  CONNECTIONS: 48,
  PENDING: 49,
  ACTIVE_RETRIES: 50,
  /**
   * Ticks, with the lowest bit set: when a thread last had a request waiting, since the limit of connections is reached, and no
   * connection at all: it is to be given the next that is free. 0: none asks.
   */
  CONNECTION_ASKED_AT: 51,
  WORDS: 64,
} as const

export const SLOT_FLAGS = {
  /** The latency average jumps up to two samples in a row above it (peak EWMA), else it is a plain EWMA. */
  PEAK: 1,
  /** No endpoint's: it keeps the totals of those that have left its service. */
  GONE: 2,
  /** How many requests it takes is found out: CONCURRENCY is in use. */
  ADAPTIVE: 4,
} as const

/**
 * What is kept of a slot to find out how many requests its endpoint takes at once: three cache lines, of `Segment.concurrency`.
 * The addon does not look at it. See `admission/concurrency-limit.ts`, whose names these are.
 */
export const CONCURRENCY = {
  /** float64, ms: when the window began. The first line is written by every request. */
  WINDOW_START: 0,
  ANSWERS: 2,
  /** float32, ms, as all sums and latencies here. */
  LATENCY_SUM: 3,
  PROMPT: 4,
  ABORTS: 5,
  ABORT_AGE_SUM: 6,
  FEW_ANSWERS: 7,
  FEW_LATENCY_SUM: 8,
  LATE: 9,
  /** Ticks: when the request was sent that was sent last of those that have been answered. */
  ANSWERED_SENT: 10,
  FEW_IN_FLIGHT: 11,
  BASE_MS: 12,
  PHASE: 13,
  DRAINING: 14,
  /** Mean latency of about the last sixteen answers; 0: none yet. */
  MEAN_MS: 15,

  /** Ticks, with the lowest bit set: since when a thread has been at work on the line below; 0: none is. */
  ROLLING: 16,
  /** Unanswered requests allowed beside OVERDUE; 0: no such limit. */
  LIMIT: 17,
  /** float64, ms. */
  CUT_AT: 18,
  PROBED_AT: 20,
  NEEDED_AT: 22,
  /** float32. */
  BASE_SAMPLES: 24,
  WORK: 25,
  RATE_ANSWERS: 26,
  RATE_MS: 27,
  /** Unanswered requests that were sent before AGING_AT, and are not overdue. */
  AGING: 28,
  /** Unanswered requests that are so late that they say nothing any more: they do not count. */
  OVERDUE: 29,
  /** float64, ms: those that were sent before. */
  OVERDUE_AT: 30,
  /** Written by requests that are sent while there is a limit. */
  REACHED: 32,
  /** Written by callers who leave requests that others have overtaken. */
  OVERTAKEN: 33,
  /** float64, ms; 0: never. */
  POLLS_AT: 34,
  /** float32. */
  PROBE_WAIT: 36,
  /** float64, ms. */
  AGING_AT: 38,
  BUSY_AT: 40,
  WORDS: 48,
} as const

/**
 * Service records of one service segment, and after them the threads' contributions to the services' own counts: one column
 * of SERVICE_SEGMENT_RECORDS records for each thread, once more for those to the counts of connections. More services chain more segments.
 */
export const SERVICE_SEGMENT_SHIFT = 8
export const SERVICE_SEGMENT_RECORDS = 1 << SERVICE_SEGMENT_SHIFT

/** Slots of one endpoint segment. More endpoints chain more segments; a segment never moves or grows. */
export const SEGMENT_SHIFT = 10
export const SEGMENT_SLOTS = 1 << SEGMENT_SHIFT

/**
 * What one thread contributed to a slot; per segment one column of SEGMENT_SLOTS records for each thread. Its
 * contributions to the services' own counts are records of the same kind, in the service segments.
 */
export const CONTRIBUTION = {
  /** Requests of this thread in flight: the truth from which the shared count can be rebuilt. */
  IN_FLIGHT: 0,
  /** MARK_PROBE, MARK_BUSY, and above them a number that changes with each operation. */
  MARK: 1,
  /** Those of them whose answer has begun. */
  OPEN: 2,
  /** Of a service: requests of this thread that wait for a place. */
  WAITING: 3,
  WORDS: 4,
} as const
/**
 * What one thread contributed to the counts of connections: apart from CONTRIBUTION, which every request writes. A column for
 * each thread, in `Segment.connections` and at the end of the service segments. The addon does not look at it.
 */
export const CONNECTION_CONTRIBUTION = {
  CONNECTIONS: 0,
  PENDING: 1,
  ACTIVE_RETRIES: 2,
  /** As CONTRIBUTION.MARK, of these. */
  MARK: 3,
  WORDS: 4,
} as const
/** Bit of CONTRIBUTION.MARK: this thread holds the slot's probe request. */
export const MARK_PROBE = 1
/** Bit of CONTRIBUTION.MARK: this thread is between the beginning and the end of an operation that is two. */
export const MARK_BUSY = 2

/**
 * Latency histogram: 256 unsigned words. Bucket `b` of octave `o = b >> 3` and eighth `e = b & 7` counts samples of
 * `2^o * (1 + e/8)` microseconds and up; octave 0 starts at 1 us. Relative error at most 1/16 around the middle.
 */
export const HISTOGRAM_BUCKETS = 256
export const HISTOGRAM_SUB_BITS = 3
/** log2 of the words in a cache line. */
export const LINE_SHIFT = 4
/**
 * Word of a bucket in its segment's histograms. Endpoints of one service answer in about the same time, so what is
 * written all the time is the same few buckets of every slot: the lines of one stretch of 16 buckets (two octaves) lie
 * together, slot by slot. Histogram after histogram, they would each be on a page of their own: measured at 10,000
 * endpoints, a pick and its end then take half as long again.
 */
export const histogramWord = (histogram: number, bucket: number): number =>
  ((bucket >> LINE_SHIFT) << (SEGMENT_SHIFT + LINE_SHIFT)) |
  ((histogram & (SEGMENT_SLOTS - 1)) << LINE_SHIFT) |
  (bucket & ((1 << LINE_SHIFT) - 1))

/** Ticks of a latency time stamp per ms. */
export const TICKS_PER_MS = 16
/**
 * While nothing is unanswered at either of two endpoints, latencies are taken to be equal up to this times the lower one
 * plus AT_REST_MS: what one hiccup does must not take all traffic from one of two equals.
 */
export const AT_REST_FACTOR = 2
export const AT_REST_MS = 20
/** Latency samples are cut to 0 and this, in ms: 71 minutes, the top of the histogram, far below what a float32 holds. */
export const MAX_LATENCY_MS = 4294967

export const DEFAULT_MAX_THREADS = 64
/** Bits of a token that are the record's index plus one; see `threadToken`. */
export const THREAD_INDEX_BITS = 8

/** Lines of waiting requests, by priority: tier 0 goes first. */
export const TIERS = 4

/** A request that waits for a place. A ticket is one thread's, which alone sets it up; others only grant. */
export const TICKET = {
  /** TICKET_STATE in the lowest three bits; above them a number that changes with each use. */
  STATE: 0,
  /**
   * Fallback engine: the lowest 17 bits are the next ticket in line, plus one; 0: it is the last. Above them the lowest 15
   * bits of this ticket's number of use, so that an exchange fails on a ticket in another use. HEADS and TAILS are made alike.
   */
  NEXT: 1,
  /** Token of the thread that it belongs to; 0: nobody. */
  OWNER: 2,
  /** Fallback engine: its place in line, counted without end. What is before the head's is no longer in line. */
  SEQUENCE: 3,
  /** Ticks, with the lowest bit set: a place that it gets later than this is no use to it; 0: there is no such time. */
  BOUND: 4,
  /** Ticks: when it was granted a place. */
  GRANTED_AT: 5,
  /** Index of the service's record, and above TICKET_TIER_SHIFT the tier. */
  SERVICE: 7,
  WORDS: 8,
} as const
export const TICKET_TIER_SHIFT = 24
export const TICKET_STATE_BITS = 3
/** log2 of the tickets of a balancer, and one more than there are. */
export const TICKET_BITS = 17

export const TICKET_STATE = {
  /** In nobody's line; or its request has got its place, and the line has not moved past it yet. */
  FREE: 0,
  WAITING: 1,
  /** It may take a place now. */
  GRANTED: 2,
  /** Its request has left the line. */
  LEFT: 3,
  /** Its turn came when it was too late for it. */
  LATE: 4,
  /** It was granted a place, and its thread was held too long to take it. */
  REVOKED: 5,
} as const

/** How a request ended, as the engines count it. The first two are answers, and end the slot's silence. */
export const OUTCOME = {
  SUCCEEDED: 0,
  /** Answered, and badly. */
  FAILED: 1,
  /** Given up by its caller before it was answered. */
  CANCELLED: 2,
  /** Failed without an answer; counts as failed. */
  LOST: 3,
} as const
export type OutcomeCode = (typeof OUTCOME)[keyof typeof OUTCOME]

/** How a fused picker chooses. */
export const DISTRIBUTOR = {
  ROUND_ROBIN: 0,
  RANDOM: 1,
  /** The less loaded of two distinct endpoints chosen at random. */
  TWO_CHOICES: 2,
} as const
export type DistributorCode = (typeof DISTRIBUTOR)[keyof typeof DISTRIBUTOR]

/** What a fused picker calls load. Lower is better. */
export const METRIC = {
  /** (in-flight + 1) / weight */
  IN_FLIGHT: 0,
  /** latency x (in-flight + 1) / weight, the latency being the decayed average, or the silence where that is longer */
  LATENCY: 1,
} as const
export type MetricCode = (typeof METRIC)[keyof typeof METRIC]

/** Everything above that the C++ side must agree on, in the order in which it is fingerprinted and generated. */
export const LAYOUT = {
  header: HEADER,
  thread: THREAD,
  service: SERVICE,
  slot: SLOT,
  slot_flags: SLOT_FLAGS,
  concurrency: CONCURRENCY,
  control_bucket: CONTROL_BUCKET,
  contribution: CONTRIBUTION,
  connection_contribution: CONNECTION_CONTRIBUTION,
  outcome: OUTCOME,
  distributor: DISTRIBUTOR,
  metric: METRIC,
  ticket: TICKET,
  ticket_state: TICKET_STATE,
  sizes: {
    TIERS,
    TICKET_BITS,
    TICKET_STATE_BITS,
    TICKET_TIER_SHIFT,
    THREAD_INDEX_BITS,
    SERVICE_SEGMENT_SHIFT,
    SERVICE_SEGMENT_RECORDS,
    SEGMENT_SHIFT,
    SEGMENT_SLOTS,
    BUDGET_BUCKET_COUNT,
    CONTROL_BUCKET_COUNT,
    CONFIG_PAGES,
    MARK_PROBE,
    MARK_BUSY,
    HISTOGRAM_BUCKETS,
    HISTOGRAM_SUB_BITS,
    LINE_SHIFT,
    TICKS_PER_MS,
    AT_REST_FACTOR,
    AT_REST_MS,
    MAX_LATENCY_MS,
  },
} as const

/** FNV-1a over every name and value of the layout: 32 bits, unsigned. */
export const layoutFingerprint = (): number => fingerprintOf(JSON.stringify([LAYOUT_VERSION, LAYOUT]))

export const ROOT_BYTES = (maxThreads: number): number => 4 * threadWord(maxThreads)
/** First word of a thread's record in the root segment. */
export const threadWord = (thread: number): number => HEADER.WORDS + thread * THREAD.WORDS
/** First word of a slot's record in its segment's `concurrency`. */
export const concurrencyWord = (slot: number): number => (slot & (SEGMENT_SLOTS - 1)) * CONCURRENCY.WORDS
/** First word of a service's record in its service segment, which is number `service >>> SERVICE_SEGMENT_SHIFT`. */
export const serviceWord = (service: number): number =>
  (service & (SERVICE_SEGMENT_RECORDS - 1)) * SERVICE.WORDS
/** First word of a thread's contribution to a service's count, in the service's segment. */
export const serviceContributionWord = (thread: number, service: number): number =>
  SERVICE_SEGMENT_RECORDS * SERVICE.WORDS +
  (thread * SERVICE_SEGMENT_RECORDS + (service & (SERVICE_SEGMENT_RECORDS - 1))) * CONTRIBUTION.WORDS
/** The same of its contribution to the service's counts of connections. */
export const serviceConnectionsWord = (maxThreads: number, thread: number, service: number): number =>
  serviceContributionWord(maxThreads, 0) +
  (thread * SERVICE_SEGMENT_RECORDS + (service & (SERVICE_SEGMENT_RECORDS - 1))) *
    CONNECTION_CONTRIBUTION.WORDS
/** First word of a thread's contribution to a slot's counts of connections, in its segment's `connections`. */
export const slotConnectionsWord = (thread: number, slot: number): number =>
  (thread * SEGMENT_SLOTS + (slot & (SEGMENT_SLOTS - 1))) * CONNECTION_CONTRIBUTION.WORDS
export const SERVICE_SEGMENT_BYTES = (maxThreads: number): number =>
  4 * serviceConnectionsWord(maxThreads, maxThreads, 0)
