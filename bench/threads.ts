import { figure, interleaveAfresh, type Samples } from './harness/interleave.js'
import { type EngineKind, type Result, result } from './harness/result.js'
import type { Run, Suite } from './harness/suite.js'
import { startTickets } from './queue/tickets.js'
import { isBuilt } from './queue/transport/boost.js'
import type { TransportName } from './queue/transport/transport.js'

/**
 * Producers and consumers in equal numbers; one thread is both. Sixteen threads on two cores take their time until each has compiled
 * what it runs.
 */
const FULL = { threads: [1, 2, 4, 8, 16], warmUpMs: [40, 400, 800, 800], sliceMs: 120, lives: 3, rounds: 7 }
const QUICK = { threads: [1, 2, 8], warmUpMs: [20], sliceMs: 20, lives: 1, rounds: 5 }
const BATCH = 64
const BOOST = 'boost, one item at a time'
/** Of the throughput of two threads. */
const MIN_SHARE = 0.5
const MILLION = 1e6

interface Subject {
  readonly name: string
  readonly transport: TransportName
  readonly engine?: EngineKind
}

export const threads: Suite = {
  name: 'threads',
  about: 'numbers through one queue by 1, 2, 4, 8 and 16 threads on the cores that there are',
  async run(run) {
    const subjects: Subject[] = [
      ...run.engines.map((engine) => ({ name: engine, transport: 'fairlead' as const, engine })),
      ...(isBuilt() ? [{ name: BOOST, transport: 'boost' as const }] : []),
    ]
    const results: Result[] = []
    for (const subject of subjects) results.push(...rows(subject, await measure(run, subject)))
    return results
  },
}

const caseName = (threads: number): string => `${threads} ${threads === 1 ? 'thread' : 'threads'}`

function measure(run: Run, { name, transport, engine }: Subject): Promise<Samples> {
  const { threads, warmUpMs, sliceMs, lives, rounds } = run.quick ? QUICK : FULL
  const starts = threads.map((count) => {
    const [producers, consumers] = count === 1 ? [1, 0] : [count / 2, count / 2]
    return startTickets(caseName(count), { transport, batch: BATCH, producers, consumers }, engine)
  })
  const warmUp = warmUpMs
  return interleaveAfresh(run, starts, { what: name, lives, warmUp, rounds, input: () => sliceMs })
}

function rows({ name, engine }: Subject, all: Samples): Result[] {
  const millions = (who: string): number[] => figure(all, who, 'perSecond').map((one) => one / MILLION)
  return [...all.keys()].map((who) => {
    const row = { suite: 'threads', name: `tickets, batches of ${BATCH}, ${who}`, unit: 'M/s' }
    const whose = engine === undefined ? { peer: name } : { engine }
    if (who === caseName(1) || who === caseName(2))
      return result({ ...row, ...whose, samples: millions(who) })
    const against = { against: millions(caseName(2)), samples: millions(who) }
    if (engine === undefined) return result({ ...row, ...whose, ...against })
    const target = { of: 'ratio', atLeast: MIN_SHARE } as const
    return result({ ...row, engine, peer: caseName(2), ...against, target })
  })
}
