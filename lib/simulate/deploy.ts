import type { SimulatedClient } from './client.js'
import type { DeployConfig } from './config.js'
import type { SimulatedEndpoint } from './endpoint.js'
import { breaksOf } from './incidents.js'
import { START_MS } from './machine.js'
import type { Run } from './run.js'

/** Sets going what happens to connections: incidents that break them, and a rolling deploy. */
export function startDisruptions(
  run: Run,
  clients: readonly SimulatedClient[],
  endpoints: readonly SimulatedEndpoint[],
  deploy: DeployConfig | undefined,
): void {
  if (deploy !== undefined) {
    endpoints.forEach((endpoint, number) => {
      plan(run, clients, endpoint, number, deploy)
    })
  }
  endpoints.forEach((endpoint, number) => {
    for (const at of breaksOf(endpoint.incidents)) run.agenda.at(START_MS + at, () => run.crash(number))
  })
}

/** An endpoint is down like one that refuses, and cold like one that is slow; told clients send it nothing meanwhile. */
function plan(
  run: Run,
  clients: readonly SimulatedClient[],
  endpoint: SimulatedEndpoint,
  number: number,
  { startMs, everyMs, drainMs = 0, downMs, coldMs = 0, coldSlowBy = 1 }: DeployConfig,
): void {
  const drainAt = startMs + number * everyMs
  const downAt = drainAt + drainMs
  const upAt = downAt + downMs
  endpoint.incidents.push(
    { fromMs: downAt, untilMs: upAt, fail: 'refuse' },
    { fromMs: upAt, untilMs: upAt + coldMs, slowBy: coldSlowBy },
  )
  if (drainMs === 0) return
  const tell = (state: 'drain' | 'ready') => () => {
    for (const client of clients) client.handle.set(endpoint.id, { state })
  }
  run.agenda.at(START_MS + drainAt, tell('drain'))
  run.agenda.at(START_MS + upAt, tell('ready'))
}
