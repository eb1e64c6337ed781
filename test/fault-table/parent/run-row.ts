/** One row: starts its processes, lets the load run, switches the fault on and off, and gathers what was seen. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientOptions } from '../client/main.js'
import type { ClientReport, Look } from '../client/record.js'
import { monotonicMs } from '../clock.js'
import type { LoggedRequest } from '../endpoint/request-log.js'
import { ENDPOINT_NAMES, type EndpointName, faultyEndpoints, type Protocol, type Row } from '../row.js'
import { Child } from './child.js'
import { Fleet } from './fleet.js'
import { switchOf } from './switches.js'

export type Engine = 'native' | 'fallback'

/** What a row's processes have seen. Times in ms of `monotonicMs`. */
export interface Observation {
  readonly onAt: number
  readonly offAt: number
  readonly report: ClientReport
  readonly received: Readonly<Record<EndpointName, readonly LoggedRequest[]>>
  /** Processes that ended by themselves. */
  readonly ended: readonly string[]
}

/** Fewer over TLS: handshakes are work, and a busy machine must not be brought down by its own test. */
export const REQUESTS_PER_SECOND: Readonly<Record<Protocol, number>> = {
  'http/1.1': 50,
  tls: 20,
  'http/2': 20,
}
/** A request that is not settled by then hangs. A stall is found in 5.5 s, a connection is given up after 10 s. */
export const HUNG_AFTER_MS = 15_000
/** The longest wait for the endpoints to be back: ejections after 500 take 30 s, and an average of seconds about a minute to decay. */
export const RETURN_WITHIN_MS = 75_000

const CLIENT = join(import.meta.dirname, '../client/main.js')
/** The fault begins when every endpoint has been used within this time: it would not be met otherwise. */
const IN_USE_MS = 500
const WARM_UP_MS = { least: 1_000, most: 10_000 }
/** The least time after the fault. */
const AFTERWARDS_MS = 1_500
const LOOK_EVERY_MS = 250

export async function runRow(row: Row, engine: Engine): Promise<Observation> {
  const fleet = await Fleet.start(row)
  let client: Child | undefined
  try {
    client = await startClient(row, engine, fleet)
    const { onAt, offAt } = await load(row, fleet, client)
    const report = await client.ask<ClientReport>('report')
    const received = fleet.requests()
    const ended = [...fleet.ended, ...(client.end === undefined ? [] : [`the client ended: ${client.end}`])]
    return { onAt, offAt, report, received, ended }
  } finally {
    await client?.kill()
    await fleet.close()
  }
}

const startClient = (row: Row, engine: Engine, fleet: Fleet): Promise<Child> => {
  const { protocol, named = false, descriptors } = row
  const options: ClientOptions = { protocol, named, ports: fleet.ports as ClientOptions['ports'] }
  return Child.start({
    name: 'the client',
    module: CLIENT,
    parameters: [JSON.stringify(options)],
    env: { FAIRLEAD_ENGINE: engine },
    descriptors: descriptors?.of === 'client' ? descriptors.most : undefined,
  })
}

async function load(row: Row, fleet: Fleet, client: Child): Promise<{ onAt: number; offAt: number }> {
  await client.ask('begin', REQUESTS_PER_SECOND[row.protocol])
  await warmUp(client)
  const fault = switchOf(row, fleet, client)
  const onAt = monotonicMs()
  await fault.on()
  await sleep(row.faultMs)
  await fault.off()
  const offAt = monotonicMs()
  await sleep(AFTERWARDS_MS)
  await untilBack(row, client, offAt)
  await client.ask('stop')
  await untilSettled(client)
  return { onAt, offAt }
}

/** A first request that was slow keeps an endpoint out of use for a while, until its latency average has decayed. */
async function warmUp(client: Child): Promise<void> {
  await sleep(WARM_UP_MS.least)
  const patience = monotonicMs() + WARM_UP_MS.most
  while (monotonicMs() < patience) {
    const { lastGood } = await client.ask<Look>('look')
    if (ENDPOINT_NAMES.every((name) => (lastGood[name] ?? 0) > monotonicMs() - IN_USE_MS)) return
    await sleep(LOOK_EVERY_MS)
  }
}

/** Until each endpoint that was faulty has answered a request that was sent after the fault. */
async function untilBack(row: Row, client: Child, offAt: number): Promise<void> {
  while (monotonicMs() - offAt < RETURN_WITHIN_MS) {
    const { lastGood } = await client.ask<Look>('look')
    if (faultyEndpoints(row).every((name) => (lastGood[name] ?? 0) > offAt)) return
    await sleep(LOOK_EVERY_MS)
  }
}

async function untilSettled(client: Child): Promise<void> {
  for (;;) {
    const { open, youngestMs } = await client.ask<Look>('look')
    if (open === 0 || youngestMs > HUNG_AFTER_MS) return
    await sleep(LOOK_EVERY_MS)
  }
}
