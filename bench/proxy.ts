/** Proxies side by side: CPU time of the proxy's process a request, for large answers and for uploads. */
import { existsSync } from 'node:fs'
import type { Sample } from './harness/case.js'
import { CaseProcess } from './harness/case-process.js'
import { figure, interleave, type Samples, withCases } from './harness/interleave.js'
import { type EngineKind, type Result, result } from './harness/result.js'
import type { Run, Suite } from './harness/suite.js'
import type { Input, Parameters, Workload } from './proxy/client.js'
import { installed, type Program, type Running, start } from './proxy/programs.js'

const FULL = { warmUpMs: 2_000, sliceMs: 1_000, rounds: 5, lives: 3 }
const QUICK = { warmUpMs: 1_000, sliceMs: 400, rounds: 3, lives: 1 }
const CONCURRENCY = 16
const RIVAL = 'http-proxy'
const MAX_CPU_RATIO = 1.1

const WORKLOADS: readonly { workload: Workload; what: string; judged: boolean }[] = [
  { workload: 'answers', what: '1 MiB answers', judged: true },
  { workload: 'uploads', what: '100 KiB uploads', judged: true },
  { workload: 'small', what: 'small answers', judged: false },
]

interface Contender {
  readonly name: string
  readonly program: Program
  readonly engine?: EngineKind
}

export const proxy: Suite = {
  name: 'proxy',
  about: 'CPU of `fairlead proxy` beside http-proxy, and HAProxy and nginx where they are installed',
  async run(run) {
    if (!existsSync('/proc/self/stat')) {
      run.note('proxy: the CPU time of other processes is read from /proc, which this system does not have')
      return []
    }
    const contenders: Contender[] = [
      { name: RIVAL, program: RIVAL },
      ...run.engines.map(
        (engine): Contender => ({ name: `fairlead, ${engine}`, program: 'fairlead', engine }),
      ),
      ...(['haproxy', 'nginx'] as const).filter(installed).map((program) => ({ name: program, program })),
    ]
    return measure(run, contenders)
  },
}

const caseName = ({ name }: Contender, workload: Workload): string => `${name}, ${workload}`

async function measure(run: Run, contenders: readonly Contender[]): Promise<Result[]> {
  const { lives } = run.quick ? QUICK : FULL
  const server = await CaseProcess.start('endpoint', {
    module: new URL('./proxy/endpoint.js', import.meta.url),
    parameters: {},
  })
  const samples = new Map<string, Sample[]>()
  try {
    for (let life = 1; life <= lives; life++) {
      for (const [name, ones] of await oneLife(run, contenders, server.ready['port'], life))
        samples.set(name, [...(samples.get(name) ?? []), ...ones])
    }
    return WORKLOADS.flatMap((load) => contenders.map((one) => row(one, load, samples)))
  } finally {
    await server.close()
  }
}

/** All workloads, with proxies of their own: how fast a process is depends on where its code and memory happen to lie. */
async function oneLife(
  run: Run,
  contenders: readonly Contender[],
  endpoint: number,
  life: number,
): Promise<[string, readonly Sample[]][]> {
  const { warmUpMs, sliceMs, rounds, lives } = run.quick ? QUICK : FULL
  const module = new URL('./proxy/client.js', import.meta.url)
  const proxies: (Running & { one: Contender })[] = []
  const all: [string, readonly Sample[]][] = []
  try {
    for (const one of contenders) proxies.push({ one, ...(await start(one.program, endpoint, one.engine)) })
    for (const { workload, what } of WORKLOADS) {
      const starts = proxies.map(({ one, port, pid }) => () => {
        const parameters: Parameters = { port, pid, workload, concurrency: CONCURRENCY }
        return CaseProcess.start(caseName(one, workload), { module, parameters })
      })
      const samples = await withCases(starts, (cases) =>
        interleave(run, cases, {
          what: `${what}, processes ${life} of ${lives}`,
          warmUp: [{ ms: warmUpMs } satisfies Input],
          rounds,
          input: (): Input => ({ ms: sliceMs }),
        }),
      )
      all.push(...samples)
    }
    return all
  } finally {
    await Promise.all(proxies.map(({ stop }) => stop()))
  }
}

function row(
  one: Contender,
  { workload, what, judged }: (typeof WORKLOADS)[number],
  samples: Samples,
): Result {
  const own = one.engine !== undefined
  return result({
    suite: 'proxy',
    name: `${what}: CPU of the proxy`,
    ...(own ? { engine: one.engine, peer: RIVAL } : { peer: one.name }),
    unit: 'us/request',
    samples: figure(samples, caseName(one, workload), 'cpuUs'),
    ...(own ? { against: figure(samples, `${RIVAL}, ${workload}`, 'cpuUs') } : {}),
    ...(own && judged ? { target: { of: 'ratio', atMost: MAX_CPU_RATIO } } : {}),
  })
}
