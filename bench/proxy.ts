/** Proxies side by side: CPU time of the proxy's process a request, for large answers and for uploads. */
import { existsSync } from 'node:fs'
import { CaseProcess } from './harness/case-process.js'
import { figure, interleave, type Samples, withCases } from './harness/interleave.js'
import { type EngineKind, type Result, result } from './harness/result.js'
import type { Run, Suite } from './harness/suite.js'
import type { Input, Parameters, Workload } from './proxy/client.js'
import { installed, type Program, start } from './proxy/programs.js'

const FULL = { warmUpMs: 3_000, sliceMs: 1_000, rounds: 11 }
const QUICK = { warmUpMs: 1_000, sliceMs: 400, rounds: 3 }
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
  const { warmUpMs, sliceMs, rounds } = run.quick ? QUICK : FULL
  const server = await CaseProcess.start('endpoint', {
    module: new URL('./proxy/endpoint.js', import.meta.url),
    parameters: {},
  })
  const proxies = []
  try {
    for (const one of contenders)
      proxies.push({ one, ...(await start(one.program, server.ready['port'], one.engine)) })
    const module = new URL('./proxy/client.js', import.meta.url)
    const samples: Samples[] = []
    for (const { workload, what } of WORKLOADS) {
      const starts = proxies.map(({ one, port, pid }) => () => {
        const parameters: Parameters = { port, pid, workload, concurrency: CONCURRENCY }
        return CaseProcess.start(caseName(one, workload), { module, parameters })
      })
      samples.push(
        await withCases(starts, (cases) =>
          interleave(run, cases, {
            what,
            warmUp: [{ ms: warmUpMs } satisfies Input],
            rounds,
            input: (): Input => ({ ms: sliceMs }),
          }),
        ),
      )
    }
    return WORKLOADS.flatMap((load, i) => contenders.map((one) => row(one, load, samples[i])))
  } finally {
    await Promise.all(proxies.map(({ stop }) => stop()))
    await server.close()
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
