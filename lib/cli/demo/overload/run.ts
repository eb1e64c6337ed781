import { DemoEndpoints } from '../endpoints.js'
import { CLIENT_KINDS, type ClientKind } from '../messages.js'
import { Peer } from '../processes.js'
import { allOf } from '../run.js'
import type {
  FromOverloadClient,
  OverloadJob,
  OverloadProgress,
  OverloadResult,
  ToOverloadClient,
} from './messages.js'
import { type OverloadPlan, WORKPLACES } from './script.js'

/** Who watches the overload. */
export interface OverloadSpectator {
  /** Its processes are about to start. */
  begins(): void
  progress(client: ClientKind, progress: OverloadProgress): void
  ends(): void
}

export type OverloadResults = Readonly<Record<ClientKind, OverloadResult>>

/** Far beyond the patience of the last caller. */
const RESULT_MARGIN_MS = 60_000

/**
 * Both overloads at once, as the loads before: the same requests at the same times, to three servers of each client's own. All
 * processes are new: what the first two acts left behind in a client is no part of this. Leaves no process behind.
 */
export async function runOverload(
  plan: OverloadPlan,
  spectator: OverloadSpectator,
): Promise<OverloadResults> {
  const sides = CLIENT_KINDS.map((kind) => new OverloadSide(kind))
  try {
    spectator.begins()
    await allOf(sides.map((side) => side.start(plan, spectator)))
    const all = await Promise.all(sides.map((side) => side.load(plan)))
    const results = Object.fromEntries(all.map((result) => [result.client, result])) as OverloadResults
    spectator.ends()
    return results
  } finally {
    await Promise.all(sides.map((side) => side.stop()))
  }
}

/** One client and the servers that nobody else calls. */
class OverloadSide {
  readonly #kind: ClientKind
  readonly #endpoints = new DemoEndpoints(WORKPLACES)
  #client: Peer<FromOverloadClient, ToOverloadClient> | undefined

  constructor(kind: ClientKind) {
    this.#kind = kind
  }

  /** Resolves when the servers listen and the client is warm. */
  async start(plan: OverloadPlan, spectator: OverloadSpectator): Promise<void> {
    await this.#endpoints.start()
    const job: OverloadJob = { kind: this.#kind, ports: this.#endpoints.ports, plan }
    this.#client = new Peer('./overload/client.js', `the client (${this.#kind})`, job)
    this.#client.onMessage((message) => {
      if (message.type === 'progress') spectator.progress(this.#kind, message.progress)
    })
    await this.#client.next('ready')
  }

  async load({ durationMs }: OverloadPlan): Promise<OverloadResult> {
    const client = this.#client!
    const ended = client.next('result', durationMs + RESULT_MARGIN_MS)
    client.send({ type: 'start' })
    return (await ended).result
  }

  async stop(): Promise<void> {
    await Promise.all([this.#endpoints.stop(), this.#client?.kill()])
  }
}
