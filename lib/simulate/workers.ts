import type { Agenda } from './agenda.js'
import type { SimulatedEndpoint } from './endpoint.js'
import { NOBODY, type Requests, STAGE } from './requests.js'

/** `duration` of a request that no worker is at. */
const NO_WORKER = -1

/** What happens to requests at the endpoints: they wait, are worked on, and are lost with the endpoint. */
export class Workers {
  readonly #agenda: Agenda
  readonly #requests: Requests
  readonly #doneKind: number
  #endpoints: readonly SimulatedEndpoint[] = []

  /** @param doneKind of the event that says that a worker is done with a request; whoever gets it calls `done` */
  constructor(agenda: Agenda, requests: Requests, doneKind: number) {
    this.#agenda = agenda
    this.#requests = requests
    this.#doneKind = doneKind
  }

  begin(endpoints: readonly SimulatedEndpoint[]): void {
    this.#endpoints = endpoints
  }

  /** A request comes to its endpoint: at once to a worker where one is free. */
  enter(request: number): void {
    const endpoint = this.#endpoints[this.#requests.endpoint[request]]
    if (endpoint.busy < endpoint.workers) this.#serve(request, endpoint)
    else {
      this.#requests.stage[request] = STAGE.WAITING
      endpoint.wait(request)
    }
  }

  /** A request that its endpoint answers after `ms`, and does not work on. */
  poll(request: number, ms: number): void {
    const requests = this.#requests
    requests.stage[request] = STAGE.POLLING
    requests.duration[request] = NO_WORKER
    this.#endAt(request, this.#agenda.now + ms)
  }

  /** A request of others, of which only its endpoint knows. */
  addOthers(number: number, work: number): void {
    if (this.#endpoints[number].trouble.fail === 'refuse') return
    const requests = this.#requests
    const request = requests.take()
    requests.client[request] = NOBODY
    requests.endpoint[request] = number
    requests.work[request] = work
    requests.ordinal[request] = -1
    requests.arrivedAt[request] = this.#agenda.now
    this.enter(request)
  }

  #serve(request: number, endpoint: SimulatedEndpoint): void {
    const requests = this.#requests
    const duration = endpoint.durationOf(requests.work[request])
    endpoint.busy++
    // Also what was given up, where the endpoint does not notice: that is nobody's any more.
    if (requests.stage[request] !== STAGE.GIVEN_UP) requests.stage[request] = STAGE.SERVED
    requests.duration[request] = duration
    this.#endAt(request, this.#agenda.now + duration)
  }

  #endAt(request: number, time: number): void {
    this.#requests.endsAt[request] = time
    this.#agenda.push(time, this.#doneKind, request)
  }

  /**
   * A worker is done, and begins the next request.
   * @returns the endpoint where a client waits for the answer; undefined where the request is settled
   */
  done(request: number): SimulatedEndpoint | undefined {
    const requests = this.#requests
    // It was lost, and its number may be another's by now.
    if (requests.endsAt[request] !== this.#agenda.now) return undefined
    const endpoint = this.#endpoints[requests.endpoint[request]]
    const { hangsForMs } = endpoint
    if (hangsForMs > 0) {
      this.#endAt(request, this.#agenda.now + hangsForMs)
      return undefined
    }
    const isClients = requests.client[request] !== NOBODY
    if (requests.duration[request] !== NO_WORKER) {
      endpoint.busy--
      if (isClients) endpoint.worked(requests.duration[request])
      this.#beginNext(endpoint)
    }
    requests.leaveServer(request)
    if (isClients && requests.stage[request] !== STAGE.GIVEN_UP) return endpoint
    requests.free(request)
    return undefined
  }

  #beginNext(endpoint: SimulatedEndpoint): void {
    const requests = this.#requests
    for (let next = endpoint.next(); next >= 0; next = endpoint.next()) {
      if (requests.stage[next] !== STAGE.GIVEN_UP || !endpoint.noticesAborts)
        return this.#serve(next, endpoint)
      requests.free(next)
    }
  }

  /** Connections of an endpoint break: whatever it has is lost. Returns the requests whose clients wait for them. */
  crash(number: number): number[] {
    const requests = this.#requests
    const lost = [...requests.at(number)]
    this.#endpoints[number].crash()
    return lost.filter((request) => {
      requests.endsAt[request] = Number.NaN
      requests.leaveServer(request)
      const isAwaited = requests.client[request] !== NOBODY && requests.stage[request] !== STAGE.GIVEN_UP
      if (!isAwaited) requests.free(request)
      return isAwaited
    })
  }
}
