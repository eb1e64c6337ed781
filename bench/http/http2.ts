/** HTTP/2 over TLS, three equal endpoints, closed loop: beside undici's `Agent`, which is told the endpoints by turns. */
import { readFileSync } from 'node:fs'
import type { EngineKind, Result } from '../harness/result.js'
import type { Run } from '../harness/suite.js'
import { type Contender, compare } from './compare.js'

const ENDPOINTS = 3
/** Requests in flight. */
const LEVELS = [1, 50]
const STREAMS = 100
const CA = new URL('../../test/fixtures/tls/ca.pem', import.meta.url)

const AGENT = 'undici Agent'
const MAX_CPU_RATIO = 1
const MIN_RATE_RATIO = 1

const contenders = (engines: readonly EngineKind[]): Contender[] => [
  { name: AGENT, call: 'request', subject: { kind: 'agent' } },
  {
    name: `undici Agent, pipelining ${STREAMS}`,
    call: 'request',
    subject: { kind: 'agent', pipelining: STREAMS },
  },
  ...engines.map((engine): Contender => {
    const subject = { kind: 'fairlead', policy: 'peak-ewma' } as const
    return { name: 'fairlead peak-ewma', call: 'request', subject, engine, isJudged: true }
  }),
]

export async function overHttp2(run: Run): Promise<Result[]> {
  const results: Result[] = []
  for (const concurrency of LEVELS) {
    const rows = await compare(run, {
      what: `3 equal endpoints, HTTP/2, ${concurrency} in flight`,
      contenders: contenders(run.engines),
      peer: AGENT,
      concurrency,
      endpoints: ENDPOINTS,
      server: new URL('./http2-server.js', import.meta.url),
      ca: readFileSync(CA, 'utf8'),
      maxCpuRatio: MAX_CPU_RATIO,
      minRateRatio: MIN_RATE_RATIO,
    })
    results.push(...rows)
  }
  return results
}
