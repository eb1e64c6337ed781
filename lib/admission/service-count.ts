import { CONTRIBUTION, SERVICE } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import { SharedCount } from './shared-count.js'

export { NO_PLACE } from './shared-count.js'

/** A count of a service as a whole, over all threads, and a limit to it. Strict: never more than the limit at any moment. */
export class ServiceCount extends SharedCount {
  private constructor(state: SharedState, service: number, count: number, contribution: number) {
    const words = state.serviceWords(service)
    const record = state.serviceContribution(state.thread, service)
    super({
      counts: words,
      count: state.serviceField(service, count),
      records: words,
      own: record + contribution,
      mark: record + CONTRIBUTION.MARK,
    })
  }

  /** Requests in flight. */
  static inFlight(state: SharedState, service: number): ServiceCount {
    return new ServiceCount(state, service, SERVICE.IN_FLIGHT, CONTRIBUTION.IN_FLIGHT)
  }

  /** Requests that wait for a place. */
  static waiting(state: SharedState, service: number): ServiceCount {
    return new ServiceCount(state, service, SERVICE.WAITING, CONTRIBUTION.WAITING)
  }
}
