import type { Server } from './server.js'

/** For how long a server that has not answered is asked after the others. */
const SILENCE_MS = 30_000

/** Which servers have not answered lately: asking one of them costs a time-out, each time. */
export class SilentServers {
  readonly #now: () => number
  /** Until when, by label. */
  readonly #until = new Map<string, number>()

  /** @param now monotonic, in ms */
  constructor(now: () => number) {
    this.#now = now
  }

  /** In their order, those that are silent last. */
  order(servers: readonly Server[]): Server[] {
    const isSilent = ({ label }: Server): boolean => (this.#until.get(label) ?? 0) > this.#now()
    return [...servers.filter((server) => !isSilent(server)), ...servers.filter(isSilent)]
  }

  silent({ label }: Server): void {
    this.#until.set(label, this.#now() + SILENCE_MS)
  }

  answered({ label }: Server): void {
    this.#until.delete(label)
  }
}
