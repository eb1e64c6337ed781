/** The process of a node: an HTTP server that registers itself, and drains when it is told to end. Driven over IPC. */
import { createServer } from 'node:http'
import { drainOnSignal, type Registration, register } from 'fairlead'
import { monotonicMs } from '../fault-table/clock.js'
import { failToStart, obey } from '../fault-table/orders.js'
import {
  ETCD_PREFIX,
  type NodeOptions,
  type NodeReport,
  type RegistrationChange,
  SERVICE,
} from './processes.js'

/** Some requests are under way at any time. */
const ANSWER_MS = 10

const { name, address, ports, endpoint, servers }: NodeOptions = JSON.parse(process.argv[2])
const changes: RegistrationChange[] = []

const answer = (port: number) =>
  createServer((_request, response) => {
    setTimeout(() => response.end(`${name}:${port}`), ANSWER_MS)
  })

async function start(): Promise<void> {
  const all = ports.map((port) => ({ port, server: answer(port) }))
  await Promise.all(
    all.map(({ port, server }) => new Promise<void>((resolve) => server.listen(port, address, resolve))),
  )
  drainOnSignal(all[0].server, {
    registration: { remove: async () => (await registered)?.remove() ?? false },
  })
  void registerUntilItWorks()
}

let registered: Promise<Registration> | undefined

/** As a program would that is to serve callers whatever becomes of etcd. */
async function registerUntilItWorks(): Promise<void> {
  for (;;) {
    registered = register({ etcd: { servers, prefix: ETCD_PREFIX }, service: SERVICE, endpoint })
    try {
      const registration = await registered
      for (const type of ['registered', 'lost', 'failed'] as const)
        registration.on(type, ({ reason }) => note(type, reason))
      note('registered', 'for the first time')
      return
    } catch (error) {
      registered = undefined
      note('failed', (error as Error).message)
    }
  }
}

const note = (type: RegistrationChange['type'], reason: string): void =>
  void changes.push({ at: monotonicMs(), type, reason })

start().then(() => obey({ report: (): NodeReport => ({ changes, wallMs: Date.now() }) }), failToStart)
