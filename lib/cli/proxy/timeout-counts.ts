import type { TimeoutKind } from './server.js'

/** How often clients were timed out, by what they failed to do. */
export class TimeoutCounts {
  readonly #counts: Record<TimeoutKind, number> = { headers: 0, body: 0, send: 0, idle: 0 }

  add(kind: TimeoutKind): void {
    this.#counts[kind]++
  }

  get any(): boolean {
    return Object.values(this.#counts).some((count) => count > 0)
  }

  toString(): string {
    return Object.entries(this.#counts)
      .map(([kind, count]) => `${count} ${kind}`)
      .join(', ')
  }
}
