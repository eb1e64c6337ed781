import { CaseProcess } from './harness/case-process.js'
import { figure, interleaveAfresh, type Samples } from './harness/interleave.js'
import { type EngineKind, type Result, result, type Target } from './harness/result.js'
import type { Suite } from './harness/suite.js'
import type { Parameters, Wakes } from './wake/wake-case.js'

const SUITE = 'wake'
const MODULE = new URL('./wake/wake-case.js', import.meta.url)
const POST_MESSAGE = 'postMessage'
/** So many wake-ups one after the other first, of fairlead and its peers alike: a service has run for a while. */
const FULL = { compile: 4000, settle: 50, wakes: 150, lives: 5, rounds: 5 }
const QUICK = { compile: 200, settle: 20, wakes: 30, lives: 1, rounds: 3 }
/** The native engine's median, of that of `postMessage`. */
const SHARE = 0.6

const PEERS: readonly { name: string; parameters: Parameters }[] = [
  { name: POST_MESSAGE, parameters: { way: 'message' } },
  { name: 'Atomics.waitAsync', parameters: { way: 'word', variant: 'waitAsync' } },
  { name: 'Atomics.wait', parameters: { way: 'word', variant: 'wait' } },
  { name: '1 ms poll', parameters: { way: 'word', variant: 'poll' } },
]

const OWN: readonly { name: string; variant: string }[] = [
  { name: 'for await', variant: 'forAwait' },
  { name: 'read()', variant: 'read' },
  { name: 'popWait()', variant: 'popWait' },
]
/** Under the addon only. */
const NOTIFIER = 'the addon’s call alone'
/** A blocked thread is not what `postMessage` wakes, so its row is for comparison only. */
const IN_EVENT_LOOP = ['for await', 'read()']

export const wake: Suite = {
  name: SUITE,
  about: 'microseconds from the wake-up of an idle thread to its first line of code',
  async run(run) {
    const { compile, settle, wakes, lives, rounds } = run.quick ? QUICK : FULL
    const idle = (count: number): Wakes => ({ count, idle: true })
    const warmUp: Wakes[] = [{ count: compile, idle: false }, idle(settle)]
    const starts = [
      ...PEERS.map(
        ({ name, parameters }) =>
          () =>
            CaseProcess.start(name, { module: MODULE, parameters }),
      ),
      ...(run.engines.includes('native')
        ? [
            () =>
              CaseProcess.start(NOTIFIER, {
                module: MODULE,
                parameters: { way: 'notifier' },
                engine: 'native',
              }),
          ]
        : []),
      ...OWN.flatMap(({ name, variant }) =>
        run.engines.map((engine) => () => {
          const parameters: Parameters = { way: 'fairlead', variant }
          return CaseProcess.start(`${name}, ${engine}`, { module: MODULE, parameters, engine })
        }),
      ),
    ]
    const what = 'wake-ups from idle'
    const samples = await interleaveAfresh(run, starts, {
      what,
      lives,
      warmUp,
      rounds,
      input: () => idle(wakes),
    })
    const peers = [...PEERS.map(({ name }) => name), NOTIFIER].filter((name) => samples.has(name))
    return rows(run.engines, peers, samples)
  },
}

function rows(engines: readonly EngineKind[], peers: readonly string[], all: Samples): Result[] {
  const results: Result[] = []
  for (const key of ['p50', 'p99'] as const) {
    const row = { suite: SUITE, unit: 'us' }
    for (const { name } of OWN) {
      for (const engine of engines) {
        const samples = figure(all, `${name}, ${engine}`, key)
        const target: Target | undefined =
          engine === 'native' && key === 'p50' && IN_EVENT_LOOP.includes(name)
            ? { of: 'ratio', atMost: SHARE }
            : undefined
        const against = figure(all, POST_MESSAGE, key)
        results.push(
          result({ ...row, name: `${name}, ${key}`, engine, samples, peer: POST_MESSAGE, against, target }),
        )
      }
    }
    for (const peer of peers)
      results.push(result({ ...row, name: `wake-up, ${key}`, peer, samples: figure(all, peer, key) }))
  }
  const name = 'CPU time of both threads, some 600 wake-ups/s'
  const cpu = { suite: SUITE, name, unit: '% of a core' }
  for (const { name } of OWN) {
    for (const engine of engines) {
      const samples = figure(all, `${name}, ${engine}`, 'cpuPercent')
      results.push(result({ ...cpu, name: `${name}, ${cpu.name}`, engine, samples }))
    }
  }
  for (const peer of peers) results.push(result({ ...cpu, peer, samples: figure(all, peer, 'cpuPercent') }))
  return results
}
