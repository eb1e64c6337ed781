/** The process of a caller: a balancer with the etcd source and all defaults, and a steady load. Driven over IPC. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Balancer } from 'fairlead'
import { monotonicMs } from '../fault-table/clock.js'
import { failToStart, obey } from '../fault-table/orders.js'
import {
  type CallerOptions,
  type CallerReport,
  type EndpointChange,
  ETCD_PREFIX,
  type RequestRecord,
  SERVICE,
  type SourceChange,
  type View,
} from './processes.js'

const TICK_MS = 10
const MS_PER_SECOND = 1_000
/** Longest wait for requests that are under way when the load ends. */
const SETTLE_MS = 20_000

const { servers }: CallerOptions = JSON.parse(process.argv[2])
const balancer = new Balancer({
  services: { [SERVICE]: { source: { etcd: { servers, prefix: ETCD_PREFIX, service: SERVICE } } } },
})
const records: RequestRecord[] = []
const endpointChanges: EndpointChange[] = []
const sourceChanges: SourceChange[] = []
const urls = new Map<string, string>()
let underWay = 0
let lateMs = 0
let leastKnown = Number.POSITIVE_INFINITY
let load: NodeJS.Timeout | undefined

balancer.on('endpoint', ({ type, endpoint, reason }) => {
  const known = balancer.service(SERVICE).endpoints
  for (const { id, url } of known) urls.set(id, String(url))
  leastKnown = Math.min(leastKnown, known.length)
  endpointChanges.push({ at: monotonicMs(), type, url: urls.get(endpoint.id) ?? endpoint.id, reason })
})
balancer.on('source', ({ type, reason }) => sourceChanges.push({ at: monotonicMs(), type, reason }))

function view(): View {
  const { ageMs, error, heldMs } = balancer.stats().services[SERVICE].sources[0]
  return { urls: balancer.service(SERVICE).endpoints.map(({ url }) => String(url)), ageMs, error, heldMs }
}

/** Open: requests are sent whatever becomes of those before. */
function begin(perSecond: number): void {
  leastKnown = balancer.service(SERVICE).endpoints.length
  const begun = monotonicMs()
  let last = begun
  let sent = 0
  load = setInterval(() => {
    const now = monotonicMs()
    lateMs = Math.max(lateMs, now - last - TICK_MS)
    last = now
    const due = ((now - begun) * perSecond) / MS_PER_SECOND
    for (; sent < due; sent++) void send()
  }, TICK_MS)
}

async function send(): Promise<void> {
  const record: RequestRecord = { sentAt: monotonicMs() }
  records.push(record)
  underWay++
  try {
    const response = await balancer.fetch(`http://${SERVICE}/`)
    await response.text()
    record.status = response.status
  } catch (error) {
    record.error = describe(error)
  }
  record.endAt = monotonicMs()
  underWay--
}

function describe(error: unknown): string {
  const { code, message, cause } = error as Error & { code?: string }
  const why = cause instanceof Error ? `: ${(cause as Error & { code?: string }).code ?? cause.message}` : ''
  return `${code ?? message}${why}`
}

async function report(): Promise<CallerReport> {
  clearInterval(load)
  const until = monotonicMs() + SETTLE_MS
  while (underWay > 0 && monotonicMs() < until) await sleep(TICK_MS)
  return { records, endpointChanges, sourceChanges, lateMs, leastKnown }
}

const changesSince = (since: number): EndpointChange[] => endpointChanges.filter(({ at }) => at >= since)

balancer.start().then(() => obey({ begin, view, report, changesSince }), failToStart)
