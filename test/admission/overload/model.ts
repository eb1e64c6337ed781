/** Overload, simulated: a client with an admission queue and a limit for each endpoint, and endpoints that queue without bound. */
import { EventQueue } from '../../../lib/simulate/events.js'
import { RandomStream } from '../../../lib/simulate/random.js'
import { BIN_MS, type Discipline, type Limiter, type Outcome, type Shape } from './shape.js'

const ARRIVE = 1
const DONE = 2
const GIVE_UP = 3
const EXPIRE = 4
const CHANGE = 5
const BURST = 6

/** Where a request is. */
const FREE = 0
const QUEUED = 1
const SENT = 2
/** At the server, but its caller has left. */
const LEFT = 3

/** Time constant of the latency averages, ms: Finagle's peak EWMA. */
const DECAY_MS = 10_000
const SLOT_BITS = 19
const SLOTS = 1 << SLOT_BITS
/** Uses of a slot are told apart by as many bits. */
const USES = (1 << 12) - 1

class Endpoint {
  workers: number
  busy = 0
  inFlight = 0
  readonly queue: number[] = []
  head = 0
  peakMs = 0
  peakAt = 0
  meanMs = 0
  readonly limiter: Limiter

  constructor(workers: number, limiter: Limiter) {
    this.workers = workers
    this.limiter = limiter
  }

  /** Latency average that jumps up and falls with time. */
  costAt(now: number, unknownMs: number): number {
    if (this.peakMs === 0) return unknownMs * (this.inFlight + 1)
    return (this.peakMs * Math.exp((this.peakAt - now) / DECAY_MS) + 0.001) * (this.inFlight + 1)
  }

  sample(now: number, latencyMs: number): void {
    const decayed = this.peakMs * Math.exp((this.peakAt - now) / DECAY_MS)
    const weight = 1 - Math.exp((this.peakAt - now) / DECAY_MS)
    this.peakMs = latencyMs > decayed ? latencyMs : decayed + (latencyMs - decayed) * weight
    this.peakAt = now
    this.meanMs = this.meanMs === 0 ? latencyMs : this.meanMs + (latencyMs - this.meanMs) / 16
  }
}

/** One run. `limiterOf` makes the limiter of each endpoint. */
export function runOverload(shape: Shape, discipline: Discipline, limiterOf: () => Limiter): Outcome {
  const events = new EventQueue()
  const arrivals = new RandomStream(shape.seed, 1)
  const services = new RandomStream(shape.seed, 2)
  const choices = new RandomStream(shape.seed, 3)
  const endpoints = Array.from({ length: shape.endpoints }, () => new Endpoint(shape.workers, limiterOf()))

  const state = new Uint8Array(SLOTS)
  const at = new Int16Array(SLOTS)
  const mark = new Int32Array(SLOTS)
  const arrivedAt = new Float64Array(SLOTS)
  const sentAt = new Float64Array(SLOTS)
  const serviceMs = new Float64Array(SLOTS)
  /** Grows with each use: a late event of an earlier use is told by it. */
  const use = new Uint16Array(SLOTS)
  let freeHead = 0
  let free: number[] = []
  let slots = 0

  const bins = Math.ceil(shape.durationMs / BIN_MS) + 1
  const arrivedBins = new Float64Array(bins)
  const goodBins = new Float64Array(bins)
  const answeredBins = new Float64Array(bins)
  const limitBins = new Float64Array(bins)
  const countFrom = shape.countFromMs ?? 10_000
  let capacityMsOfWork = 0
  let arrived = 0
  let good = 0
  let refused = 0
  let missed = 0
  let waitSum = 0
  const latencies: number[] = []

  let load = shape.load
  let slowBy = 1
  let workers = shape.workers
  let now = 0
  let nextBin = BIN_MS
  let lastChange = 0
  /** Latency average of the whole service: of an endpoint that has not answered yet it is as good a guess as any. */
  let meanMs = 1

  // The admission queue: slots in order, those gone are skipped. `lastEmpty` is when it was seen empty last.
  const waiting: number[] = []
  let head = 0
  let waiters = 0
  let lastEmpty = 0
  /** Whether the queue was not empty for an interval, and has not been empty for one since. */
  let busy = false

  const rate = (): number => (load * shape.endpoints * shape.workers) / shape.meanMs
  const gap = (): number => {
    if (shape.onOff === undefined) return arrivals.exponential(1 / rate())
    const { onMs, everyMs } = shape.onOff
    let time = now + arrivals.exponential(onMs / everyMs / rate())
    while (time % everyMs > onMs) time += everyMs - onMs
    return time - now
  }

  function drawService(): number {
    const mean = shape.meanMs * slowBy
    const { service } = shape
    if (service === 'fixed' || service === 'poll') return mean
    if (service === 'exponential') return services.exponential(mean)
    // A fifth takes three times the mean.
    if (service === 'bimodal') return services.uniform() < 0.2 ? 3 * mean : 0.5 * mean
    if (service === 'lognormal') return mean * Math.exp(services.normal() - 0.5)
    // A hundredth takes a thousand times as long as the others: 10 ms and 10 s.
    return services.uniform() < 0.01 ? mean * 91 : mean * 0.091
  }

  const counts = (slot: number): boolean => arrivedAt[slot] >= countFrom

  function release(slot: number): void {
    state[slot] = FREE
    use[slot] = (use[slot] + 1) & USES
    free.push(slot)
  }

  /** The slot that has been free for longest, so that late events of its last use are over. */
  function take(): number {
    if (free.length - freeHead < 4096) return slots++
    const slot = free[freeHead++]
    if (freeHead > 65_536) {
      free = free.slice(freeHead)
      freeHead = 0
    }
    return slot
  }

  function arrive(): void {
    const slot = take()
    if (slot >= SLOTS) throw new Error('more requests at once than the model holds')
    arrivedAt[slot] = now
    serviceMs[slot] = drawService()
    arrivedBins[Math.floor(now / BIN_MS)]++
    if (now >= countFrom) arrived++
    if (shape.deadlineMs > 0) events.push(now + shape.deadlineMs, GIVE_UP, slot | (use[slot] << SLOT_BITS))
    if (waiters === 0) {
      if (busy && now - lastEmpty > interval()) busy = false
      const to = choose()
      if (to !== undefined) {
        if (!busy) lastEmpty = now
        return send(slot, to)
      }
      lastEmpty = now
    }
    for (const endpoint of endpoints) endpoint.limiter.full(now, endpoint.inFlight)
    if (waiters >= discipline.limit) return refuse(slot)
    let bound = discipline.waitMs
    if (now - lastEmpty > interval()) busy = true
    else if (!discipline.sticky) busy = false
    if (busy) {
      bound = Math.min(bound, Math.max(discipline.busyWaitMs, discipline.busyWaitBases * baseMs()))
    }
    state[slot] = QUEUED
    waiting.push(slot | (use[slot] << SLOT_BITS))
    waiters++
    events.push(now + bound, EXPIRE, slot | (use[slot] << SLOT_BITS))
    // A limit may have grown.
    grant()
  }

  /** Of the service, ms. */
  function baseMs(): number {
    let base = 0
    for (const { limiter } of endpoints) base = Math.max(base, limiter.baseMs)
    return base
  }

  const interval = (): number => Math.max(discipline.intervalMs, discipline.intervalBases * baseMs())

  function refuse(slot: number): void {
    if (counts(slot)) refused++
    release(slot)
  }

  /** Two choices among those with a place. */
  function choose(): Endpoint | undefined {
    let first: Endpoint | undefined
    let second: Endpoint | undefined
    let seen = 0
    for (const endpoint of endpoints) {
      if (endpoint.inFlight >= endpoint.limiter.limit) continue
      seen++
      // Two of those seen, each pair as likely.
      if (seen === 1) first = endpoint
      else if (seen === 2) second = endpoint
      else {
        const place = choices.below(seen)
        if (place === 0) first = endpoint
        else if (place === 1) second = endpoint
      }
    }
    if (first === undefined || second === undefined) return first
    if (shape.pick === 'peak-ewma')
      return first.costAt(now, meanMs) <= second.costAt(now, meanMs) ? first : second
    return first.inFlight <= second.inFlight ? first : second
  }

  function send(slot: number, to: Endpoint): void {
    state[slot] = SENT
    at[slot] = endpoints.indexOf(to)
    sentAt[slot] = now
    if (counts(slot)) waitSum += now - arrivedAt[slot]
    to.inFlight++
    mark[slot] = to.limiter.sent(now, to.inFlight, shape.deadlineKnown)
    to.queue.push(slot)
    work(to)
  }

  /** Idle workers take what is queued at their endpoint. */
  function work(endpoint: Endpoint): void {
    while (endpoint.busy < endpoint.workers && endpoint.head < endpoint.queue.length) {
      const slot = endpoint.queue[endpoint.head++]
      if (endpoint.head > 1024 && endpoint.head * 2 > endpoint.queue.length) {
        endpoint.queue.splice(0, endpoint.head)
        endpoint.head = 0
      }
      if (state[slot] === LEFT && shape.noticesAborts) {
        release(slot)
        continue
      }
      endpoint.busy++
      events.push(now + serviceMs[slot], DONE, slot)
    }
  }

  /** Places go to those who wait, first come first. */
  function grant(): void {
    while (waiters > 0) {
      const to = choose()
      if (to === undefined) return
      const slot = pop()
      // Its time to be answered is over.
      if (
        shape.deadlineKnown &&
        shape.deadlineMs > 0 &&
        now + to.meanMs > arrivedAt[slot] + shape.deadlineMs
      ) {
        refuse(slot)
        continue
      }
      send(slot, to)
    }
  }

  function pop(): number {
    for (;;) {
      const entry = waiting[head++]
      if (head > 4096 && head * 2 > waiting.length) {
        waiting.splice(0, head)
        head = 0
      }
      const slot = entry & (SLOTS - 1)
      if (state[slot] !== QUEUED || use[slot] !== entry >>> SLOT_BITS) continue
      leaveQueue()
      return slot
    }
  }

  function leaveQueue(): void {
    if (--waiters === 0) {
      lastEmpty = now
      waiting.length = 0
      head = 0
    }
  }

  function done(slot: number): void {
    const endpoint = endpoints[at[slot]]
    endpoint.busy--
    if (state[slot] === SENT) {
      endpoint.inFlight--
      const latency = now - sentAt[slot]
      endpoint.sample(now, latency)
      meanMs += (latency - meanMs) / 16
      endpoint.limiter.answered(now, latency, endpoint.inFlight, mark[slot])
      goodBins[Math.floor(arrivedAt[slot] / BIN_MS)]++
      answeredBins[Math.floor(now / BIN_MS)]++
      if (now >= countFrom) good++
      if (counts(slot)) latencies.push(now - arrivedAt[slot])
    }
    release(slot)
    work(endpoint)
    grant()
  }

  function giveUp(slot: number): void {
    if (state[slot] === QUEUED) {
      leaveQueue()
      return refuse(slot)
    }
    if (state[slot] !== SENT) return
    state[slot] = LEFT
    const endpoint = endpoints[at[slot]]
    endpoint.inFlight--
    endpoint.limiter.aborted(now, now - sentAt[slot], endpoint.inFlight, mark[slot])
    if (counts(slot)) {
      missed++
      latencies.push(now - arrivedAt[slot])
    }
    grant()
  }

  /** Work that could have been done until now, in requests. */
  function addCapacity(until: number): void {
    const from = Math.max(lastChange, countFrom)
    if (until > from)
      capacityMsOfWork += ((until - from) * workers * shape.endpoints) / (shape.meanMs * slowBy)
    lastChange = until
  }

  function change(index: number): void {
    const next = shape.changes?.[index]
    if (next === undefined) return
    addCapacity(now)
    load = next.load ?? load
    slowBy = next.slowBy ?? slowBy
    workers = next.workers ?? workers
    for (const endpoint of endpoints) {
      endpoint.workers = workers
      work(endpoint)
    }
  }

  if (shape.load > 0) events.push(gap(), ARRIVE, 0)
  shape.changes?.forEach(({ atMs }, index) => {
    events.push(atMs, CHANGE, index)
  })
  if (shape.burst !== undefined) events.push(shape.burst.everyMs, BURST, 0)

  while (events.size > 0 && events.time < shape.durationMs) {
    const { time, kind, subject } = events
    events.pop()
    while (time >= nextBin) {
      limitBins[Math.round(nextBin / BIN_MS) - 1] = endpoints[0].limiter.limit
      nextBin += BIN_MS
    }
    now = time
    const slot = subject & (SLOTS - 1)
    if (kind === ARRIVE) {
      arrive()
      events.push(now + gap(), ARRIVE, 0)
    } else if (kind === DONE) done(slot)
    else if (kind === CHANGE) change(subject)
    else if (kind === BURST) {
      for (let i = 0; i < shape.burst!.count; i++) arrive()
      events.push(now + shape.burst!.everyMs, BURST, 0)
    } else if (use[slot] === subject >>> SLOT_BITS) {
      if (kind === GIVE_UP) giveUp(slot)
      else if (state[slot] === QUEUED) {
        leaveQueue()
        refuse(slot)
      }
    }
  }
  now = shape.durationMs
  addCapacity(now)
  latencies.sort((a, b) => a - b)
  const sum = latencies.reduce((total, latency) => total + latency, 0)
  return {
    goodput: good / capacityMsOfWork,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
    meanMs: sum / latencies.length,
    refused: refused / arrived,
    missed: missed / arrived,
    arrived,
    limits: endpoints.map(({ limiter }) => Math.min(limiter.limit, 1024)),
    arrivedBins,
    goodBins,
    answeredBins,
    limitBins,
    waitMeanMs: waitSum / latencies.length,
  }
}
