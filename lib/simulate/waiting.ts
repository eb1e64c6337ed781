import type { Stay } from '../admission/waiter.js'
import type { Agenda } from './agenda.js'
import type { Recorder } from './recorder.js'
import type { Requests } from './requests.js'

/** Requests that wait for a place, each in the admission queue of its client's balancer: how many, and for how long. */
export class WaitingRequests {
  /** Most that waited at once, of all clients together. Of requests that do not count only those beside ones that do. */
  most = 0
  #count = 0
  readonly #requests: Requests
  readonly #recorder: Recorder
  readonly #agenda: Agenda

  constructor(requests: Requests, recorder: Recorder, agenda: Agenda) {
    this.#requests = requests
    this.#recorder = recorder
    this.#agenda = agenda
  }

  begin(request: number, stay: Stay): void {
    this.#requests.stays[request] = stay
    this.#requests.queuedAt[request] = this.#agenda.now
    this.#count++
    if (this.#requests.ordinal[request] >= 0) this.most = Math.max(this.most, this.#count)
  }

  /** It has a place, was refused, or leaves. Returns its stay; undefined where it did not wait. */
  end(request: number): Stay | undefined {
    const { stays, queuedAt, ordinal } = this.#requests
    const stay = stays[request]
    if (stay === undefined) return undefined
    stays[request] = undefined
    this.#count--
    if (ordinal[request] >= 0) this.#recorder.waited(ordinal[request], this.#agenda.now - queuedAt[request])
    return stay
  }
}
