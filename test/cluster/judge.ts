/** What a caller has seen, in figures, and what of it may not be. */
import type { CallerReport, RequestRecord } from './processes.js'
import type { Scenario } from './scenario.js'

const FIRST_SERVER_ERROR = 500
const MS_PER_SECOND = 1_000
const MAX_REASONS = 5
/** Whoever waits so long for an answer is as badly off as if it had failed. */
const HUNG_MS = 15_000

export interface Figures {
  readonly requests: number
  readonly failed: number
  /** Longest of the requests that were answered. */
  readonly slowestMs: number
}

const isFailed = ({ status, error, sentAt, endAt = sentAt }: RequestRecord): boolean =>
  error !== undefined || status === undefined || status >= FIRST_SERVER_ERROR || endAt - sentAt > HUNG_MS

export function figuresOf(report: CallerReport | undefined): Figures {
  const records = report?.records ?? []
  const answered = records.filter((record) => !isFailed(record) && record.endAt !== undefined)
  return {
    requests: records.length,
    failed: records.filter(isFailed).length,
    slowestMs: answered.reduce((most, { sentAt, endAt }) => Math.max(most, endAt! - sentAt), 0),
  }
}

/** What must hold in every scenario. */
export function faultsOf(
  { records, leastKnown }: CallerReport,
  scenario: Pick<Scenario, 'leastKnown'>,
): string[] {
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
