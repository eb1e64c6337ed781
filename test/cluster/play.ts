/** Plays one scenario, and judges what its caller has seen. */
import { type Figures, faultsOf, figuresOf } from './judge.js'
import { NamespaceNetwork } from './namespaces.js'
import type { Network } from './network.js'
import { PlainNetwork } from './plain-network.js'
import type { CallerReport } from './processes.js'
import type { Scenario } from './scenario.js'
import { type Measure, Stage } from './stage.js'

export interface Played extends Figures {
  readonly scenario: Scenario
  readonly measures: readonly Measure[]
  /** What does not hold; nothing: it holds. */
  readonly faults: readonly string[]
  readonly tookMs: number
}

/** What is to be closed if this process is told to end. */
const open = new Set<{ close(): Promise<void> }>()

export async function closeAll(): Promise<void> {
  // Processes first: their namespaces go last.
  for (const one of [...open].reverse()) await one.close().catch(() => {})
}

export async function play(scenario: Scenario, kind: Network['kind'], isShort: boolean): Promise<Played> {
  const begun = performance.now()
  const network = kind === 'namespaces' ? new NamespaceNetwork() : new PlainNetwork()
  open.add(network)
  const faults: string[] = []
  let stage: Stage | undefined
  let report: CallerReport | undefined
  try {
    stage = await Stage.open(network, scenario, isShort)
    open.add(stage)
    await scenario.play(stage).catch((error: Error) => faults.push(error.message))
    report = await stage.caller.report()
    faults.push(...stage.faults, ...stage.ended, ...faultsOf(report, scenario))
  } catch (error) {
    faults.push((error as Error).message)
  }
  if (stage !== undefined) {
    if (faults.length > 0) faults.push(`the logs of etcd are in ${stage.etcd.keepLogs()}`)
    await stage.close()
    open.delete(stage)
  }
  await network.close()
  open.delete(network)
  return {
    scenario,
    ...figuresOf(report),
    measures: stage?.measures ?? [],
    faults,
    tookMs: performance.now() - begun,
  }
}
