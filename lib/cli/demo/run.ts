import { DemoEndpoints } from './endpoints.js'
import type { ClientJob, ClientKind, FromClient, LoadResult, Progress, ToClient } from './messages.js'
import { Peer } from './processes.js'
import { type LoadPlan, TIMELINE, type TimelineEvent } from './script.js'

/** Who watches a load. */
export interface Spectator {
  begins(client: ClientKind, engine: Engine | undefined): void
  /** An event of the script has come true. */
  happens(event: TimelineEvent): void
  progress(progress: Progress): void
  ends(result: LoadResult): void
}

export type Engine = { readonly kind: string; readonly reason?: string }

/** Far beyond any load: the client gives up on missing answers long before. */
const RESULT_MARGIN_MS = 60_000

/** One load: fresh servers, a fresh client, the script. Leaves no process behind, whatever happens. */
export async function runLoad(
  kind: ClientKind,
  plan: LoadPlan,
  spectator: Spectator,
): Promise<{ result: LoadResult; engine: Engine | undefined }> {
  const endpoints = new DemoEndpoints()
  let running: Peer<FromClient, ToClient> | undefined
  const timers: NodeJS.Timeout[] = []
  try {
    await endpoints.start()
    const job: ClientJob = { kind, ports: endpoints.ports, plan }
    const client = new Peer<FromClient, ToClient>('./client.js', `the client (${kind})`, job)
    running = client
    client.onMessage((message) => {
      if (message.type === 'progress') spectator.progress(message.progress)
    })
    const { engine } = await client.next('ready')
    spectator.begins(kind, engine)
    const result = client.next('result', plan.durationMs + RESULT_MARGIN_MS)
    client.send({ type: 'start' })
    const scriptFailed = new Promise<never>((_, reject) => {
      for (const event of TIMELINE) {
        const act = async (): Promise<void> => {
          await endpoints.enter(event.phase, event.endpoint)
          client.send({ type: 'phase', phase: event.phase })
          spectator.happens(event)
        }
        timers.push(setTimeout(() => act().catch(reject), event.at * plan.durationMs))
      }
    })
    const message = await Promise.race([result, scriptFailed])
    spectator.ends(message.result)
    return { result: message.result, engine }
  } finally {
    for (const timer of timers) clearTimeout(timer)
    await Promise.all([endpoints.stop(), running?.kill()])
  }
}
