/** Plays one scenario, and judges what its caller has seen. */
import { NamespaceNetwork } from './namespaces.js'
import type { Network } from './network.js'
import { PlainNetwork } from './plain-network.js'
import type { CallerReport } from './processes.js'
import type { Scenario } from './scenario.js'
import { type Measure, Stage } from './stage.js'

const FIRST_SERVER_ERROR = 500
const MS_PER_SECOND = 1_000
const MAX_REASONS = 5

export interface Played {
  readonly scenario: Scenario
  readonly requests: number
  readonly failed: number
  /** Longest of the requests that were answered. */
  readonly slowestMs: number
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

const isFailed = ({ status, error }: CallerReport['records'][number]): boolean =>
  error !== undefined || status === undefined || status >= FIRST_SERVER_ERROR

function figuresOf(report: CallerReport | undefined): Pick<Played, 'requests' | 'failed' | 'slowestMs'> {
  const records = report?.records ?? []
  const answered = records.filter(({ status, endAt }) => status !== undefined && endAt !== undefined)
  return {
    requests: records.length,
    failed: records.filter(isFailed).length,
    slowestMs: answered.reduce((most, { sentAt, endAt }) => Math.max(most, endAt! - sentAt), 0),
  }
}

/** What must hold in every scenario. */
function faultsOf({ records, leastKnown }: CallerReport, scenario: Scenario): string[] {
  const faults: string[] = []
  const begun = records[0]?.sentAt ?? 0
  const failed = records.filter(isFailed)
  for (const { sentAt, endAt, status, error } of failed.slice(0, MAX_REASONS)) {
    const after = ((sentAt - begun) / MS_PER_SECOND).toFixed(2)
    const how = error ?? status ?? 'no answer'
    const took = endAt === undefined ? 'not ended' : `${Math.round(endAt - sentAt)} ms`
    faults.push(`a request ${after} s after the first one failed: ${how} (${took})`)
  }
  if (failed.length > MAX_REASONS) faults.push(`and ${failed.length - MAX_REASONS} more failed`)
  const { leastKnown: least = 3 } = scenario
  if (leastKnown < least)
    faults.push(`the caller knew only ${leastKnown} endpoints at a time; ${least} is the least that it may`)
  return faults
}
