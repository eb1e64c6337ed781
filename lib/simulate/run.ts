import { DEFAULT_TIER } from '../admission/tier.js'
import type { Reservation } from '../balancer/reservation.js'
import { NoEndpointError, OverloadedError } from '../errors.js'
import { Agenda } from './agenda.js'
import { type Arrivals, arrivalsOf } from './arrivals.js'
import type { SimulatedClient } from './client.js'
import type { SimulationConfig } from './config.js'
import { type Distribution, distributionOf } from './distributions.js'
import type { SimulatedEndpoint } from './endpoint.js'
import type { Keys } from './keys.js'
import { Lateness } from './lateness.js'
import { START_MS } from './machine.js'
import { Network } from './network.js'
import { RandomStream } from './random.js'
import { ENDED, type EndedCode, Recorder } from './recorder.js'
import { NOBODY, NOWHERE, Requests, STAGE } from './requests.js'
import { tierOf } from './tiers.js'
import { WaitingRequests } from './waiting.js'
import { Workers } from './workers.js'

/** 0 is the agenda's own. */
const EVENT = { ARRIVAL: 1, SERVED: 2, FAILED: 3, DEADLINE: 4, SEEN: 5, SENT: 6 } as const

/** An error answer, a refused connection: time to either, ms. */
const FAILURE_MS = 1
const TAILS = 8

/** Each use of random numbers has a stream; the clients' follow. */
export const STREAM = {
  ARRIVALS: 0,
  WORK: 1,
  ROUTES: 2,
  FAILURES: 3,
  ANTAGONISTS: 4,
  CHECKS: 5,
  TIERS: 6,
  CLIENTS: 100,
} as const

/** Stages at which nobody waits any more, or not for long. */
const NOT_GIVEN_UP = new Set([STAGE.FREE, STAGE.FAILING, STAGE.GIVEN_UP, STAGE.UNSEEN])

/** One policy's run: events in order of their time, from the first arrival to the last answer. */
export class Run {
  readonly recorder = new Recorder()
  readonly tail = new Float64Array(TAILS)
  readonly distribution: Distribution
  readonly agenda = new Agenda()
  readonly network: Network
  readonly workers: Workers
  readonly waiting: WaitingRequests
  readonly #requests = new Requests()
  #clients: readonly SimulatedClient[] = []
  #endpoints: readonly SimulatedEndpoint[] = []
  readonly #endpointOf = new Map<string, number>()
  readonly #arrivals: Arrivals
  readonly #work: RandomStream
  readonly #routes: RandomStream
  readonly #failures: RandomStream
  readonly #tiers: RandomStream
  readonly #config: SimulationConfig
  readonly #keys: Keys | undefined
  readonly #lateness: Lateness
  readonly #reports: boolean
  /** Requests of clients that have arrived, and those of them that have not ended. */
  #arrived = 0
  #open = 0
  #over = false
  /** What somebody else's code threw while a request waited: a policy of the user's own. */
  #thrown: unknown

  /** @param reports endpoints say how loaded they are in their answers */
  constructor(config: SimulationConfig, perSecond: number, keys: Keys | undefined, reports: boolean) {
    const { seed = 1 } = config
    this.#config = config
    this.#keys = keys
    this.#lateness = new Lateness(config.lateness, config.clients ?? 1)
    this.#reports = reports
    this.distribution = distributionOf(config.serviceTime)
    this.#arrivals = arrivalsOf(config.load, perSecond, new RandomStream(seed, STREAM.ARRIVALS))
    this.#work = new RandomStream(seed, STREAM.WORK)
    this.#routes = new RandomStream(seed, STREAM.ROUTES)
    this.#failures = new RandomStream(seed, STREAM.FAILURES)
    this.#tiers = new RandomStream(seed, STREAM.TIERS)
    const readsAnswers = config.service?.health?.http !== undefined
    this.workers = new Workers(this.agenda, this.#requests, EVENT.SERVED)
    this.waiting = new WaitingRequests(this.#requests, this.recorder, this.agenda)
    this.network = new Network(this.agenda, new RandomStream(seed, STREAM.CHECKS), readsAnswers)
  }

  /** Share of the requests that have arrived. */
  get progress(): number {
    const { requests, warmUp = 0, durationMs } = this.#config
    const byCount = requests === undefined ? 0 : this.#arrived / (requests + warmUp)
    return Math.min(1, Math.max(byCount, durationMs === undefined ? 0 : this.agenda.elapsed() / durationMs))
  }

  begin(clients: readonly SimulatedClient[], endpoints: readonly SimulatedEndpoint[]): void {
    this.#clients = clients
    this.network.connect(endpoints)
    this.workers.begin(endpoints)
    this.#endpoints = endpoints
    endpoints.forEach(({ id }, i) => {
      this.#endpointOf.set(id, i)
    })
    this.#awaitArrival()
  }

  /**
   * Goes on for at most `count` events, or until promises have to settle.
   * @returns false when it is over
   */
  advance(count: number): boolean {
    const { agenda, network } = this
    network.unsettled = false
    for (let i = 0; i < count && !network.unsettled; i++) {
      if (this.#over && this.#open === 0) return false
      agenda.next(this.#handle)
      if (this.#thrown !== undefined) throw this.#thrown
    }
    return true
  }

  readonly #handle = (kind: number, request: number): void => {
    if (kind === EVENT.SERVED) this.#served(request)
    else if (kind === EVENT.ARRIVAL) this.#arrive()
    else if (kind === EVENT.DEADLINE) this.#deadline(request)
    else if (kind === EVENT.SEEN) this.#seen(request)
    else if (kind === EVENT.SENT) this.#begin(request)
    else this.#failed(request)
  }

  // A request's way.

  #awaitArrival(): void {
    const { requests = Number.POSITIVE_INFINITY, warmUp = 0, durationMs } = this.#config
    const at = this.#arrivals(this.agenda.elapsed())
    const tooLate = at === Number.POSITIVE_INFINITY || (durationMs !== undefined && at > durationMs)
    if (this.#arrived === requests + warmUp || tooLate) this.#over = true
    else this.agenda.push(START_MS + at, EVENT.ARRIVAL, 0)
  }

  #arrive(): void {
    const { warmUp = 0, deadlineMs, tiers } = this.#config
    const requests = this.#requests
    const request = requests.take()
    const counts = this.#arrived++ >= warmUp
    requests.arrivedAt[request] = this.agenda.now
    requests.work[request] = this.distribution.sample(this.#work)
    const tier = tiers === undefined ? DEFAULT_TIER : tierOf(tiers, this.#tiers.uniform())
    requests.tier[request] = tier
    requests.ordinal[request] = counts ? this.recorder.arrived(this.agenda.elapsed(), tier) : -1
    const among = this.#clients.length
    const number = among === 1 ? 0 : this.#routes.below(among)
    requests.client[request] = number
    requests.endpoint[request] = NOWHERE
    requests.key[request] = this.#keys?.draw(this.#routes) ?? -1
    if (counts) this.#look(requests.ordinal[request])
    this.#open++
    requests.deadlineAt[request] = this.agenda.now + (deadlineMs ?? Number.POSITIVE_INFINITY)
    if (deadlineMs !== undefined) this.agenda.push(requests.deadlineAt[request], EVENT.DEADLINE, request)
    if (this.#isHeld(request, EVENT.SENT)) requests.stage[request] = STAGE.AT_CLIENT
    else this.#begin(request)
    this.#awaitArrival()
  }

  /** Whether the event loop of a request's client is held: the event comes again when it is not. */
  #isHeld(request: number, kind: number): boolean {
    const lateMs = this.#lateness.of(this.#requests.client[request], this.agenda.elapsed())
    if (lateMs > 0) this.agenda.push(this.agenda.now + lateMs, kind, request)
    return lateMs > 0
  }

  #begin(request: number): void {
    if (this.#requests.stage[request] === STAGE.GIVEN_UP) return this.#requests.free(request)
    const client = this.#clients[this.#requests.client[request]]
    const key = this.#requests.key[request]
    const words = key < 0 ? undefined : this.#keys?.text(key)
    const place = client.placeNow(words)
    if (place === undefined) this.#wait(request, client, words)
    else this.#sent(request, place)
  }

  /** How many requests one endpoint has, in turn: Poisson arrivals see averages over time. */
  #look(ordinal: number): void {
    const { busy, waiting } = this.#endpoints[ordinal % this.#endpoints.length]
    const seen = Math.min(busy + waiting, TAILS - 1)
    for (let length = 0; length <= seen; length++) this.tail[length]++
  }

  /** It waits in the admission queue of its client's balancer, or is refused. */
  #wait(request: number, client: SimulatedClient, key: string | undefined): void {
    const requests = this.#requests
    const isKnown = this.#config.deadline === 'known'
    requests.stage[request] = STAGE.AT_CLIENT
    const stay = client.admit(key, {
      tier: requests.tier[request],
      deadlineMs: isKnown ? requests.deadlineAt[request] - this.agenda.now : undefined,
      placed: (lease) => {
        this.waiting.end(request)
        this.#sent(request, lease)
      },
      failed: (error) => {
        this.waiting.end(request)
        if (!(error instanceof OverloadedError || error instanceof NoEndpointError)) this.#thrown = error
        this.#end(request, ENDED.REFUSED, Number.NaN)
      },
    })
    if (stay !== undefined) this.waiting.begin(request, stay)
  }

  #sent(request: number, lease: Reservation): void {
    const requests = this.#requests
    const number = this.#endpointOf.get(lease.endpoint.id) as number
    const endpoint = this.#endpoints[number]
    requests.leases[request] = lease
    requests.waiters[request] = this.#clients[requests.client[request]].wait(lease, () =>
      this.released(lease),
    )
    requests.endpoint[request] = number
    endpoint.requests++
    if (requests.ordinal[request] >= 0) this.recorder.sent(requests.ordinal[request], number)
    const { fail, share, pollShare, pollMs } = endpoint.trouble
    if (fail !== undefined && fail !== 'hang' && (share === 1 || this.#failures.uniform() <= share)) {
      requests.stage[request] = STAGE.FAILING
      requests.work[request] = fail === 'refuse' ? 1 : 0
      this.agenda.push(this.agenda.now + FAILURE_MS, EVENT.FAILED, request)
      return
    }
    if (this.#reports) requests.answered[request] = endpoint.reporter?.begin()
    if (pollShare > 0 && this.#failures.uniform() <= pollShare) this.workers.poll(request, pollMs)
    else this.workers.enter(request)
  }

  #served(request: number): void {
    const endpoint = this.workers.done(request)
    if (endpoint === undefined) return
    if (this.#isHeld(request, EVENT.SEEN)) this.#requests.stage[request] = STAGE.UNSEEN
    else this.#answer(request, endpoint)
  }

  /** An answer that came while the client's event loop was held. */
  #seen(request: number): void {
    if (!this.#isHeld(request, EVENT.SEEN))
      this.#answer(request, this.#endpoints[this.#requests.endpoint[request]])
  }

  #answer(request: number, endpoint: SimulatedEndpoint): void {
    const latency = this.agenda.now - this.#requests.arrivedAt[request]
    this.#endLease(request, (lease) =>
      this.#reports ? lease.end({ ok: true, load: endpoint.report() }) : lease.end(),
    )
    this.#end(request, ENDED.ANSWERED, latency)
  }

  #failed(request: number): void {
    if (this.#isHeld(request, EVENT.FAILED)) return
    const verdict = this.#requests.work[request] === 1 ? 'connect' : 'status'
    this.#endLease(request, (lease) => lease.settle(verdict, -1))
    this.#end(request, ENDED.FAILED, Number.NaN)
  }

  /** Its client gives up, which is no verdict; the answer takes at least as long as it has waited. */
  #deadline(request: number): void {
    const requests = this.#requests
    const { deadlineMs = 0 } = this.#config
    // Another time: the number is another request's by now.
    const isOf = requests.deadlineAt[request] <= this.agenda.now && requests.client[request] !== NOBODY
    if (!isOf || NOT_GIVEN_UP.has(requests.stage[request] as never)) return
    if (this.#isHeld(request, EVENT.DEADLINE)) return
    requests.stage[request] = STAGE.GIVEN_UP
    const { ordinal } = requests
    const waited =
      this.#config.lateness === undefined ? deadlineMs : this.agenda.now - requests.arrivedAt[request]
    if (ordinal[request] >= 0) this.recorder.end(ordinal[request], ENDED.TIMED_OUT, waited)
    this.#open--
    const stay = this.waiting.end(request)
    if (stay === undefined) return this.#abort(request)
    this.#clients[requests.client[request]].leave(stay)
    requests.free(request)
  }

  #abort(request: number): void {
    this.#leaveServer(request)
    this.#endLease(request, (lease) => lease.settle('cancelled', this.agenda.now - lease.startedAt))
  }

  /** Its client has gone, which its endpoint may notice. */
  #leaveServer(request: number): void {
    if (this.#endpoints[this.#requests.endpoint[request]]?.noticesAborts) this.#requests.leaveServer(request)
  }

  /** Places that are taken at an endpoint. */
  leasesAt(endpoint: number): Reservation[] {
    const requests = this.#requests
    return [...requests.at(endpoint)].flatMap((request) => requests.leases[request] ?? [])
  }

  /**
   * The balancer gives a silent endpoint up, and this request, which is idempotent, goes elsewhere. What the endpoint has
   * begun it finishes for nobody.
   */
  released(lease: Reservation): void {
    const requests = this.#requests
    const old = requests.leases.indexOf(lease)
    if (old < 0) return
    const request = requests.take()
    requests.copy(old, request)
    requests.stage[old] = STAGE.GIVEN_UP
    this.#leaveServer(old)
    this.#endLease(old, (held) => held.settle('stall', this.agenda.now - held.startedAt))
    if (requests.deadlineAt[request] !== Number.POSITIVE_INFINITY)
      this.agenda.push(requests.deadlineAt[request], EVENT.DEADLINE, request)
    const other = this.#clients[requests.client[request]].pickExcluding(lease.endpoint)
    if (other === undefined) this.#begin(request)
    else this.#sent(request, other)
  }

  /** Connections of an endpoint break. */
  crash(number: number): void {
    for (const request of this.workers.crash(number)) {
      this.#endLease(request, (lease) => lease.settle('local-origin', -1))
      this.#end(request, ENDED.FAILED, Number.NaN)
    }
  }

  #endLease(request: number, end: (lease: Reservation) => void): void {
    const lease = this.#requests.leases[request]
    if (lease === undefined) return
    this.#requests.leases[request] = undefined
    const client = this.#clients[this.#requests.client[request]]
    client.sync()
    const waiter = this.#requests.waiters[request]
    this.#requests.waiters[request] = undefined
    if (waiter !== undefined) client.withdraw(waiter)
    end(lease)
  }

  #end(request: number, how: EndedCode, latencyMs: number): void {
    const ordinal = this.#requests.ordinal[request]
    if (ordinal >= 0) this.recorder.end(ordinal, how, latencyMs)
    this.#open--
    this.#requests.free(request)
  }
}
