/** The figures of a row, from what its processes have seen. */
import type { ClientReport, RequestRecord } from '../client/record.js'
import { faultyEndpoints, type Row } from '../row.js'
import { HUNG_AFTER_MS, type Observation } from './run-row.js'

/** An endpoint with less than this share of the picks is out of use. */
const SHARE_OUT_OF_USE = 0.05
const WINDOW_MS = 1_000
const FIRST_BAD_STATUS = 400
/** Answers that say that another endpoint might do better: one that reaches the caller is a failure of balancing. */
const GATEWAY_STATUSES = [502, 503, 504]

export type Counts = Readonly<Record<string, number>>

export interface Figures {
  readonly sent: number
  /** Answered below 500 although a try of it had failed. */
  readonly saved: number
  /** GETs that failed before any headers, or got 502, 503 or 504: by code. */
  readonly getsFailed: Counts
  readonly postsFailed: Counts
  readonly getsHung: number
  readonly postsHung: number
  /** Headers came, and then no whole body. */
  readonly broken: Counts
  /** Answers of 500 and 429 by status. */
  readonly refusals: Counts
  /** Ids of POSTs that endpoints have read more than once. */
  readonly sentTwice: readonly string[]
  /** Share of the picks that went to faulty endpoints while they were faulty. */
  readonly faultyShare: number
  /** ms from the begin of the fault; undefined: never. */
  readonly detectedMs: number | undefined
  /** ms from its end. */
  readonly backMs: number | undefined
  /** Longest wait of a GET for its headers, ms. */
  readonly longestMs: number
}

export function figuresOf(row: Row, seen: Observation): Figures {
  const { records } = seen.report
  const gets = records.filter(({ method }) => method === 'GET')
  const posts = records.filter(({ method }) => method === 'POST')
  return {
    sent: records.length,
    saved: records.filter(({ end, status, tries }) => end === 'complete' && status! < 500 && tries > 1)
      .length,
    getsFailed: countBy(gets, failureOf),
    postsFailed: countBy(posts, failureOf),
    getsHung: gets.filter(isHung).length,
    postsHung: posts.filter(isHung).length,
    broken: countBy(records, breakOf),
    refusals: countBy(records, refusalOf),
    sentTwice: sentTwice(seen),
    faultyShare: shareOf(faultyEndpoints(row), seen.report, seen.onAt, seen.offAt),
    detectedMs: latest(faultyEndpoints(row).map((name) => detectedMs(name, seen))),
    backMs: latest(faultyEndpoints(row).map((name) => backMs(name, seen))),
    longestMs: Math.max(...gets.map(({ headersAt, sentAt }) => (headersAt ?? sentAt) - sentAt)),
  }
}

export const sum = (counts: Counts): number => Object.values(counts).reduce((total, one) => total + one, 0)

/** One that was answered in the end has hung as well. */
const isHung = ({ end, sentAt, headersAt = sentAt }: RequestRecord): boolean =>
  end === 'hung' || headersAt - sentAt > HUNG_AFTER_MS

function failureOf({ end, code, status }: RequestRecord): string | undefined {
  if (end === 'failed') return code
  return GATEWAY_STATUSES.includes(status ?? 0) ? String(status) : undefined
}

function breakOf({ end, code }: RequestRecord): string | undefined {
  if (end === 'broken') return code
  return end === 'unfinished' || end === 'cut' ? end : undefined
}

function refusalOf({ status = 0 }: RequestRecord): string | undefined {
  return status >= FIRST_BAD_STATUS && !GATEWAY_STATUSES.includes(status) ? String(status) : undefined
}

function countBy(
  records: readonly RequestRecord[],
  keyOf: (record: RequestRecord) => string | undefined,
): Counts {
  const counts: Record<string, number> = {}
  for (const record of records) {
    const key = keyOf(record)
    if (key !== undefined) counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}

function sentTwice({ received }: Observation): string[] {
  const ids = Object.values(received)
    .flat()
    .filter(({ fate, method }) => fate === 'read' && method === 'POST')
    .map(({ id }) => id)
  return ids.filter((id, i) => ids.indexOf(id) < i)
}

/** NaN where nothing was picked. */
function shareOf(names: readonly string[], { samples }: ClientReport, from: number, to: number): number {
  const first = samples.findLast(({ at }) => at <= from) ?? samples[0]
  const last = samples.find(({ at }) => at >= to) ?? samples[samples.length - 1]
  const picks = (of: readonly string[]): number =>
    of.reduce((total, name) => total + last.picks[name] - first.picks[name], 0)
  return picks(names) / picks(Object.keys(last.picks))
}

/** Until it was ejected, or until the begin of the first second in which it was out of use. */
function detectedMs(name: string, { onAt, offAt, report }: Observation): number | undefined {
  const ejected = report.changes.find(
    ({ at, type, endpoint }) => type === 'ejected' && endpoint === name && at >= onAt && at <= offAt,
  )
  const unused = report.samples.find(
    ({ at }) =>
      at >= onAt && at + WINDOW_MS <= offAt && shareOf([name], report, at, at + WINDOW_MS) < SHARE_OUT_OF_USE,
  )
  const times = [ejected, unused].flatMap((found) => (found === undefined ? [] : [found.at - onAt]))
  return times.length === 0 ? undefined : Math.min(...times)
}

/** Until its first good answer to a request that was sent after the fault. */
function backMs(name: string, { offAt, report }: Observation): number | undefined {
  const good = report.records.filter(
    ({ endpoint, sentAt, end, status }) =>
      endpoint === name && sentAt >= offAt && end === 'complete' && status! < FIRST_BAD_STATUS,
  )
  return good.length === 0 ? undefined : Math.min(...good.map(({ headersAt }) => headersAt! - offAt))
}

/** undefined where one of them never came. */
function latest(times: readonly (number | undefined)[]): number | undefined {
  return times.includes(undefined) ? undefined : Math.max(...(times as number[]))
}
