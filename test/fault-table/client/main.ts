/** The process of a row's client: a balancer with all defaults over three endpoints, and its caller. Driven over IPC. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Balancer } from 'fairlead'
import { trustedAuthority } from '../certificates.js'
import { monotonicMs } from '../clock.js'
import { failToStart, obey } from '../orders.js'
import type { EndpointName, Protocol } from '../row.js'
import { Caller } from './caller.js'
import type { ClientReport, EndpointChange, PickSample } from './record.js'
import { hostOf, mockResolver, switchOff, switchOn } from './surroundings.js'
import { Tries } from './tries.js'

export interface ClientOptions {
  readonly protocol: Protocol
  readonly named: boolean
  readonly ports: Readonly<Record<EndpointName, number>>
}

const SERVICE = 's'
const SAMPLE_EVERY_MS = 100
/** Longest wait for places to be given back after the last request has ended or was given up. */
const SETTLE_MS = 5_000
const SETTLE_EVERY_MS = 20

const { protocol, named, ports }: ClientOptions = JSON.parse(process.argv[2])
const secure = protocol !== 'http/1.1'
const scheme = secure ? 'https' : 'http'
if (named) mockResolver()

const endpoints = (Object.keys(ports) as EndpointName[]).map((name) => ({
  id: name,
  url: `${scheme}://${named ? hostOf(name) : '127.0.0.1'}:${ports[name]}`,
}))
const balancer = new Balancer({
  services: {
    [SERVICE]: {
      endpoints,
      // All defaults but what the row cannot do without: whom to trust, and that HTTP/2 is spoken.
      ...(secure && { client: { connect: { ca: trustedAuthority() }, allowH2: protocol === 'http/2' } }),
    },
  },
})
const tries = new Tries()
const caller = new Caller(balancer, `${scheme}://${SERVICE}/`)
const samples: PickSample[] = []
const changes: EndpointChange[] = []
let lateMs = 0

balancer.on('endpoint', ({ type, endpoint, reason }) =>
  changes.push({ at: monotonicMs(), type, endpoint: endpoint.id, reason }),
)

const statsOfService = () => balancer.stats().services[SERVICE]

function sample(): void {
  const at = monotonicMs()
  const last = samples.at(-1)?.at ?? at
  lateMs = Math.max(lateMs, at - last - SAMPLE_EVERY_MS)
  const picks = Object.entries(statsOfService().endpoints).map(([id, { requests }]) => [id, requests])
  samples.push({ at, picks: Object.fromEntries(picks) })
}

async function report(): Promise<ClientReport> {
  caller.giveUp()
  const patience = monotonicMs() + SETTLE_MS
  while (statsOfService().inFlight > 0 && monotonicMs() < patience) await sleep(SETTLE_EVERY_MS)
  sample()
  for (const record of caller.records) record.tries = tries.ofRequest(record.id)
  const byEndpoint = endpoints.map(({ id, url }) => [
    id,
    tries.byOrigin.get(new URL(url).origin) ?? { created: 0, sent: 0 },
  ])
  return {
    records: caller.records,
    samples,
    changes,
    tries: Object.fromEntries(byEndpoint),
    stats: statsOfService(),
    lateMs,
  }
}

balancer.start().then(
  () =>
    obey({
      begin(perSecond: number) {
        setInterval(sample, SAMPLE_EVERY_MS)
        return caller.begin(perSecond)
      },
      switchOn: ({ fault, faulty }: { fault: string; faulty: EndpointName[] }) => switchOn(fault, faulty),
      switchOff,
      look: () => caller.look(),
      stop: () => caller.stop(),
      report,
    }),
  failToStart,
)
