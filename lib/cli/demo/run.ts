import { DemoEndpoints } from './endpoints.js'
import {
  CLIENT_KINDS,
  type ClientJob,
  type ClientKind,
  type FromClient,
  type LoadResult,
  type Progress,
  type ToClient,
} from './messages.js'
import { Peer } from './processes.js'
import { type LoadPlan, TIMELINE, type TimelineEvent, WORKPLACES } from './script.js'

/** Who watches the loads. */
export interface Spectator {
  /** @param engine fairlead's */
  begins(engine: Engine): void
  /** An event of the script has come true, for both. */
  happens(event: TimelineEvent): void
  progress(client: ClientKind, progress: Progress): void
  ends(results: Results): void
}

export type Engine = { readonly kind: string; readonly reason?: string }
export type Results = Readonly<Record<ClientKind, LoadResult>>

/** Far beyond any load: the client gives up on missing answers long before. */
const RESULT_MARGIN_MS = 60_000

/**
 * Both loads at once: each client sends the same requests at the same times, to three servers of its own, and the script
 * happens to both sets together. Leaves no process behind, whatever happens.
 *
 * Why at once, in pairs of equal requests: what else this machine does meets both. One load after the other compares
 * two stretches of time as much as two clients. Short slices by turns would not do either: answers of the slow server
 * last into the other's slice, and averages, ejections and budgets go by the clock, so that each client would be judged
 * on traffic that stops and starts, which nobody has. The price: each client also feels the other's load. It is the same
 * for both and small beside two cores at the default rate, so that the comparison is good, while each latency by itself
 * is a little longer than it would be alone.
 */
export async function runLoads(
  plan: LoadPlan,
  spectator: Spectator,
): Promise<{ results: Results; engine: Engine }> {
  const sides = CLIENT_KINDS.map((kind) => new Side(kind))
  const timers: NodeJS.Timeout[] = []
  try {
    await allOf(sides.map((side) => side.start(plan, spectator)))
    const engine = sides.map((side) => side.engine).find((one) => one !== undefined) as Engine
    spectator.begins(engine)
    const scriptFailed = new Promise<never>((_, reject) => {
      for (const event of TIMELINE) {
        const act = async (): Promise<void> => {
          await Promise.all(sides.map(({ endpoints }) => endpoints.enter(event.phase, event.endpoint)))
          for (const side of sides) side.tell({ type: 'phase', phase: event.phase })
          spectator.happens(event)
        }
        timers.push(setTimeout(() => act().catch(reject), event.at * plan.durationMs))
      }
    })
    const loads = Promise.all(sides.map((side) => side.load(plan)))
    const results = Object.fromEntries(
      (await Promise.race([loads, scriptFailed])).map((result) => [result.client, result]),
    ) as Results
    spectator.ends(results)
    return { results, engine }
  } finally {
    for (const timer of timers) clearTimeout(timer)
    await Promise.all(sides.map((side) => side.stop()))
  }
}

/** One client and the servers that nobody else calls. */
class Side {
  readonly endpoints = new DemoEndpoints(WORKPLACES)
  engine: Engine | undefined
  readonly #kind: ClientKind
  #client: Peer<FromClient, ToClient> | undefined

  constructor(kind: ClientKind) {
    this.#kind = kind
  }

  /** Resolves when the servers listen and the client is warm. */
  async start(plan: LoadPlan, spectator: Spectator): Promise<void> {
    await this.endpoints.start()
    const job: ClientJob = { kind: this.#kind, ports: this.endpoints.ports, plan }
    const client = new Peer<FromClient, ToClient>('./client.js', `the client (${this.#kind})`, job)
    this.#client = client
    client.onMessage((message) => {
      if (message.type === 'progress') spectator.progress(this.#kind, message.progress)
    })
    this.engine = (await client.next('ready')).engine
  }

  tell(message: ToClient): void {
    this.#client!.send(message)
  }

  async load(plan: LoadPlan): Promise<LoadResult> {
    const ended = this.#client!.next('result', plan.durationMs + RESULT_MARGIN_MS)
    this.tell({ type: 'start' })
    return (await ended).result
  }

  async stop(): Promise<void> {
    await Promise.all([this.endpoints.stop(), this.#client?.kill()])
  }
}

/** As `Promise.all`, but waits for the others before it rejects: none goes on to start a process. */
export async function allOf(promises: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(promises)
  await Promise.all(promises)
}
