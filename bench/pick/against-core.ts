/** What a balancer's `pick` and `end` cost beside those of its engine's core alone: the way that a request takes around it. */
import { CaseProcess } from '../harness/case-process.js'
import { figure, interleaveAfresh } from '../harness/interleave.js'
import { type EngineKind, type Result, result } from '../harness/result.js'
import type { Run } from '../harness/suite.js'
import type { Parameters } from './fairlead.js'

const ENDPOINTS = 10
const CORE = 'engine core'
/** Of the core's time, natively. */
const MAX_RATIO = 1.8
const FULL = { warmUpMs: [150, 150], sliceMs: 40, rounds: 9, lives: 5 }
const QUICK = { warmUpMs: [80], sliceMs: 10, rounds: 5, lives: 1 }

const PARAMETERS: Parameters = { policy: 'peak-ewma', endpoints: ENDPOINTS }

/** The same endpoints, weights, choices, latencies and requests in flight on both sides; each in a process of its own. */
export async function againstCore(run: Run): Promise<Result[]> {
  const { warmUpMs: warmUp, sliceMs, rounds, lives } = run.quick ? QUICK : FULL
  const balancer = (engine: EngineKind): string => `balancer, ${engine}`
  const core = (engine: EngineKind): string => `${CORE}, ${engine}`
  const start = (name: string, file: string, engine: EngineKind) => () =>
    CaseProcess.start(name, { module: new URL(file, import.meta.url), parameters: PARAMETERS, engine })
  const starts = run.engines.flatMap((engine) => [
    start(balancer(engine), './fairlead.js', engine),
    start(core(engine), './core.js', engine),
  ])
  const samples = await interleaveAfresh(run, starts, {
    what: 'balancer beside core',
    lives,
    warmUp,
    rounds,
    input: () => sliceMs,
  })
  return run.engines.flatMap((engine) => {
    const row = { suite: 'pick', unit: 'ns', engine }
    const against = figure(samples, core(engine), 'ns')
    return [
      result({ ...row, name: `${CORE}: pick + end, ${ENDPOINTS} endpoints`, samples: against }),
      result({
        ...row,
        name: `balancer.pick + end, peak-ewma, ${ENDPOINTS} endpoints`,
        samples: figure(samples, balancer(engine), 'ns'),
        peer: CORE,
        against,
        ...(engine === 'native' ? { target: { of: 'ratio', atMost: MAX_RATIO } as const } : {}),
      }),
    ]
  })
}
