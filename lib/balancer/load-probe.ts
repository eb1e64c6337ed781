import type { ResolvedClient } from '../connections/options.js'
import { createHttpCheck, type HttpCheck } from '../health/active/http-check.js'
import { loadReportOf } from '../load/orca.js'
import type { Endpoint, LoadReport } from '../model/index.js'
import type { Timers } from '../runtime/timers.js'

/** Asks endpoints for their load over HTTP, on connections of its own, as the health checks are made. */
export class LoadProbe {
  readonly #checks = new Map<string, HttpCheck>()
  readonly #client: ResolvedClient
  readonly #service: string
  readonly #timers: Timers
  readonly #reports = new Map<Endpoint, LoadReport | undefined>()
  readonly #controller = new AbortController()

  constructor(client: ResolvedClient, service: string, timers: Timers) {
    this.#client = client
    this.#service = service
    this.#timers = timers
  }

  /** Never rejects. One probe of an endpoint at a time. */
  async ask(endpoint: Endpoint, path: string, timeoutMs: number): Promise<LoadReport | undefined> {
    if (this.#controller.signal.aborted) return undefined
    let http = this.#checks.get(path)
    if (http === undefined) {
      http = createHttpCheck({ path }, this.#client, this.#service, this.#timers, (from, headers) =>
        this.#reports.set(from, loadReportOf(Object.entries(headers).flat() as string[])),
      )
      this.#checks.set(path, http)
    }
    const { ok } = await http.check(endpoint, timeoutMs, this.#controller.signal)
    const report = this.#reports.get(endpoint)
    this.#reports.delete(endpoint)
    return ok ? report : undefined
  }

  /** Closes the connection of an endpoint that has left. */
  forget(id: string): void {
    for (const http of this.#checks.values()) void http.release(id)
  }

  close(): void {
    this.#controller.abort()
    for (const http of this.#checks.values()) void http.close()
  }
}
