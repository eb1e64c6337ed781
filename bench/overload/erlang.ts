/** M/M/n in real time: one request at a time to each endpoint, nobody refused, beside Erlang's formula for the rates that were seen. */
import { CaseProcess } from '../harness/case-process.js'
import { withCases } from '../harness/interleave.js'
import { type Result, result } from '../harness/result.js'
import type { Run } from '../harness/suite.js'
import type { Parameters as EndpointParameters } from './endpoints.js'
import type { Input, Parameters } from './erlang-client.js'

const ENDPOINTS = 10
const MEAN_MS = 50
const LOAD = 0.8
const FULL_MS = 60_000
const QUICK_MS = 5_000
const MS_PER_S = 1e3
const MOST_OFF = 1.1

export async function erlang(run: Run): Promise<Result[]> {
  const results: Result[] = []
  for (const engine of run.engines) {
    run.progress(`M/M/${ENDPOINTS}, ${engine}`)
    const parameters: EndpointParameters = {
      ...{ endpoints: ENDPOINTS, workers: 1, service: 'exponential', meanMs: MEAN_MS },
      noticesAborts: false,
    }
    const server = () =>
      CaseProcess.start('endpoints', { module: new URL('./endpoints.js', import.meta.url), parameters })
    const ratio = await withCases([server], ([endpoints]) => {
      const ports = Array.from({ length: ENDPOINTS }, (_, i) => endpoints.ready[`port${i}`])
      const module = new URL('./erlang-client.js', import.meta.url)
      const client = () =>
        CaseProcess.start(engine, { module, parameters: { ports } satisfies Parameters, engine })
      return withCases([client], async ([one]) => {
        const perSecond = (LOAD * ENDPOINTS * MS_PER_S) / MEAN_MS
        const input: Input = { ms: run.quick ? QUICK_MS : FULL_MS, perSecond, seed: 1 }
        const { meanMs, seenPerSecond } = await one.slice(input)
        const { meanMs: serviceMs } = await endpoints.slice()
        return meanMs / erlangMeanMs(ENDPOINTS, seenPerSecond / MS_PER_S, 1 / serviceMs)
      })
    })
    results.push(
      result({
        ...{ suite: 'overload', name: `M/M/${ENDPOINTS} at ${LOAD}: mean time, of Erlang's`, unit: '' },
        ...{ samples: [ratio], engine, target: { of: 'value', atMost: MOST_OFF } },
      }),
    )
  }
  return results
}

/** Mean time in the system: Erlang 1917. `lambda` and `mu` a ms. */
function erlangMeanMs(n: number, lambda: number, mu: number): number {
  const offered = lambda / mu
  // Erlang B by its recursion, then C.
  let blocked = 1
  for (let k = 1; k <= n; k++) blocked = (offered * blocked) / (k + offered * blocked)
  const waits = blocked / (1 - (offered / n) * (1 - blocked))
  return waits / (n * mu - lambda) + 1 / mu
}
