/** One of three endpoints is killed and comes back, under load: what is lost, and how soon it is used again. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Sample } from '../harness/case.js'
import { CaseProcess } from '../harness/case-process.js'
import { withCases } from '../harness/interleave.js'
import { type EngineKind, type Result, result } from '../harness/result.js'
import type { Run } from '../harness/suite.js'
import { monotonicMs } from './open-loop.js'
import type { Input, Parameters } from './revival-client.js'
import type { SubjectSpec } from './subjects.js'
import type { Parameters as ServerParameters } from './timed-server.js'

/** How long the endpoint is away in each round: within, and just past, the first steps of the ejection's backoff. */
const DOWN_MS = { full: [1_500, 2_500, 3_500], quick: [1_500] }
const UP_MS = 1_000
/** Longest wait for all clients to be back. */
const PATIENCE_MS = 10_000
const LOOK_EVERY_MS = 200

const ENDPOINTS = 3
const VICTIM = 1
/** Long enough for some requests to be in flight when the endpoint dies. */
const SERVICE_MS = 20
const PER_SECOND = 250

const MAX_BACK_MS = 5_000

interface Contender {
  readonly name: string
  readonly label: string
  readonly subject: SubjectSpec
  readonly engine?: EngineKind
}

function contenders(engines: readonly EngineKind[]): Contender[] {
  const own = engines.flatMap((engine) =>
    [false, true].map((checks): Contender => {
      const label = `checks ${checks ? 'on' : 'off'}`
      return {
        name: `fairlead ${engine}, ${label}`,
        label,
        subject: { kind: 'fairlead', policy: 'peak-ewma', checks },
        engine,
      }
    }),
  )
  return [{ name: 'undici BalancedPool', label: 'no checks', subject: { kind: 'balanced-pool' } }, ...own]
}

const startServer = (index: number, port: number): Promise<CaseProcess> => {
  const parameters: ServerParameters = { index, port, serviceMs: SERVICE_MS, workers: 0 }
  return CaseProcess.start(`endpoint ${index}`, {
    module: new URL('./timed-server.js', import.meta.url),
    parameters,
  })
}

/**
 * All clients at once, each with a load of its own, so that one death and one return is the same for all. What is counted
 * are losses and seconds, not CPU time, and together they load the machine lightly.
 */
export async function killAndRevive(run: Run): Promise<Result[]> {
  const all = contenders(run.engines)
  const downs = run.quick ? DOWN_MS.quick : DOWN_MS.full
  run.note(
    `kill and revive: ${all.length} clients at once, ${PER_SECOND} requests/s each, down for ${downs.join(', ')} ms`,
  )
  const rounds: Sample[][] = []
  for (const [round, downMs] of downs.entries()) {
    run.progress(`kill and revive: round ${round + 1} of ${downs.length}, down for ${downMs} ms`)
    rounds.push(await oneRound(all, downMs, round))
  }
  return all.flatMap((one, i) =>
    rows(
      one,
      rounds.map((round) => round[i]),
    ),
  )
}

async function oneRound(all: readonly Contender[], downMs: number, round: number): Promise<Sample[]> {
  const servers = Array.from({ length: ENDPOINTS }, (_, i) => () => startServer(i, 0))
  return withCases(servers, (endpoints) => {
    const ports = endpoints.map(({ ready }) => ready['port'])
    const clients = all.map(({ name, subject, engine }) => () => {
      const parameters: Parameters = { subject, ports }
      return CaseProcess.start(name, {
        module: new URL('./revival-client.js', import.meta.url),
        parameters,
        engine,
      })
    })
    return withCases(clients, async (cases) => {
      const begin = (i: number): Input => ({
        order: 'begin',
        load: { perSecond: PER_SECOND, seed: round * all.length + i },
      })
      await Promise.all(cases.map((one, i) => one.slice(begin(i))))
      await sleep(UP_MS)
      await endpoints[VICTIM].kill()
      await sleep(downMs)
      const revived = await startServer(VICTIM, ports[VICTIM])
      const revivedAt = monotonicMs()
      try {
        await allBack(cases, revivedAt)
        return await Promise.all(
          cases.map((one) => one.slice({ order: 'end', victim: VICTIM, revivedAt } satisfies Input)),
        )
      } finally {
        await revived.close()
      }
    })
  })
}

async function allBack(cases: readonly CaseProcess[], revivedAt: number): Promise<void> {
  const look: Input = { order: 'look', victim: VICTIM, revivedAt }
  while (monotonicMs() - revivedAt < PATIENCE_MS) {
    await sleep(LOOK_EVERY_MS)
    const seen = await Promise.all(cases.map((one) => one.slice(look)))
    if (seen.every(({ backMs }) => Number.isFinite(backMs))) return
  }
}

function rows({ label, engine, name }: Contender, rounds: readonly Sample[]): Result[] {
  const own = engine !== undefined
  const row = { suite: 'http', ...(own ? { engine } : { peer: name }) }
  const total = (key: string): number => rounds.reduce((sum, one) => sum + one[key], 0)
  const what = `kill and revive, ${label}`
  const within = own ? { target: { of: 'value', atMost: MAX_BACK_MS } as const } : {}
  const none = own ? { target: { of: 'value', atMost: 0 } as const } : {}
  return [
    result({
      ...row,
      name: `${what}: failed of ${total('sent')} GET requests`,
      unit: 'requests',
      samples: [total('failed')],
      ...none,
    }),
    result({
      ...row,
      name: `${what}: traffic back (half of its share)`,
      unit: 'ms',
      samples: rounds.map(({ backMs }) => backMs),
      ...within,
    }),
    result({
      ...row,
      name: `${what}: first answer`,
      unit: 'ms',
      samples: rounds.map(({ firstMs }) => firstMs),
    }),
  ]
}
