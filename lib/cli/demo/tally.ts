import { subscribe } from 'node:diagnostics_channel'
import { microseconds, percentile, record, US_PER_MS } from './histogram.js'
import type { ClientKind, LoadResult, LostRequest, Progress } from './messages.js'
import { ENDPOINT_NAMES, type EndpointName, type Phase, type PlannedRequest } from './script.js'

const LISTED_LOSSES = 20

interface Traffic {
  tries: number
  triesByPhase: Record<Phase, number>
  answered: number
}

/**
 * Counts one client's load. Where tries go is seen in undici itself, by its diagnostics channels, and so in the same
 * way for both clients.
 */
export class Tally {
  /** What is the matter with the endpoints, as the parent says. */
  phase: Phase = 'healthy'
  readonly #names = new Map<number, EndpointName>()
  readonly #endpoints: Record<EndpointName, Traffic>
  readonly #latency = microseconds()
  readonly #sendDelay = microseconds()
  readonly #lost: LostRequest[] = []
  readonly #errorsByCode: Record<string, number> = {}
  #begin = 0
  #requests = 0
  #answered = 0
  #errors = 0
  #idempotentErrors = 0

  constructor(ports: Readonly<Record<EndpointName, number>>) {
    for (const name of ENDPOINT_NAMES) this.#names.set(ports[name], name)
    this.#endpoints = { A: noTraffic(), B: noTraffic(), C: noTraffic() }
  }

  start(): void {
    this.#begin = performance.now()
    subscribe('undici:client:sendHeaders', (message) => {
      this.#tried((message as { socket: { remotePort?: number } }).socket.remotePort)
    })
    subscribe('undici:client:connectError', (message) => {
      this.#tried(Number((message as { connectParams: { port: string } }).connectParams.port))
    })
  }

  /** @param delayMs how late it was sent */
  sent(delayMs: number): void {
    this.#requests++
    record(this.#sendDelay, delayMs)
  }

  answered(latencyMs: number, endpoint: EndpointName): void {
    this.#answered++
    this.#endpoints[endpoint].answered++
    record(this.#latency, latencyMs)
  }

  failed({ dueMs, method }: PlannedRequest, error: Error): void {
    const code = String((error as NodeJS.ErrnoException).code ?? error.name)
    this.#errors++
    if (method === 'GET') this.#idempotentErrors++
    this.#errorsByCode[code] = (this.#errorsByCode[code] ?? 0) + 1
    this.#lost.push({ dueMs: Math.round(dueMs), method, phase: this.phase, code, message: error.message })
  }

  progress(states: Progress['states']): Progress {
    return {
      elapsedMs: performance.now() - this.#begin,
      requests: this.#requests,
      answered: this.#answered,
      errors: this.#errors,
      inFlight: this.#requests - this.#answered - this.#errors,
      p99Ms: percentile(this.#latency, 99),
      endpoints: this.#endpoints,
      states,
    }
  }

  result(client: ClientKind): LoadResult {
    const lost = [...this.#lost].sort((a, b) => a.method.localeCompare(b.method) || a.dueMs - b.dueMs)
    return {
      client,
      requests: this.#requests,
      answered: this.#answered,
      errors: this.#errors,
      idempotentErrors: this.#idempotentErrors,
      errorsByCode: this.#errorsByCode,
      lost: lost.slice(0, LISTED_LOSSES),
      latencyMs: {
        p50: percentile(this.#latency, 50),
        p99: percentile(this.#latency, 99),
        p999: percentile(this.#latency, 99.9),
        max: this.#latency.count === 0 ? 0 : this.#latency.max / US_PER_MS,
        mean: this.#latency.count === 0 ? 0 : this.#latency.mean / US_PER_MS,
      },
      endpoints: this.#endpoints,
      sendDelayMs: { p99: percentile(this.#sendDelay, 99), max: this.#sendDelay.max / US_PER_MS },
    }
  }

  #tried(port: number | undefined): void {
    const name = this.#names.get(port ?? 0)
    if (name === undefined) return
    this.#endpoints[name].tries++
    this.#endpoints[name].triesByPhase[this.phase]++
  }
}

const noTraffic = (): Traffic => ({
  tries: 0,
  triesByPhase: { healthy: 0, slow: 0, recovered: 0, dead: 0, revived: 0 },
  answered: 0,
})
