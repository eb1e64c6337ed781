/** A real etcd of three members, of which some are killed or stand still: sources and registrations go on. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Balancer, type Registration, register, type SourceEvent } from '../../lib/index.js'
import { ETCD, Etcd, WITH_ETCD } from '../support/etcd.js'
import { until } from '../support/until.js'

const TTL_MS = 5_000
let etcd: Etcd
let balancer: Balancer
let server: Server
let url: string
let registration: Registration
let told: string[]
let events: SourceEvent[]
let added = 0

beforeEach(async () => {
  server = createServer((_, response) => response.end('ok'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  told = []
  events = []
  added = 0
  etcd = await Etcd.start(3)
  registration = await register({
    etcd: { servers: etcd.servers },
    service: 'users',
    endpoint: url,
    ttl: TTL_MS,
  })
  for (const type of ['lost', 'registered', 'failed'] as const)
    registration.on(type, ({ reason }) => told.push(`${type}: ${reason}`))
  const source = { etcd: { service: 'users', servers: etcd.servers, timeout: 1_000 } }
  balancer = new Balancer({ services: { users: { source } } })
  balancer.on('source', (event) => events.push(event))
  await balancer.start()
}, 60_000)

afterEach(async () => {
  await balancer.stop({ drainMs: 0 })
  for (const member of etcd.members) member.signal('SIGCONT')
  await registration.remove({ timeoutMs: 500 })
  await etcd.stop()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const endpoints = () => balancer.service('users').endpoints

/** Whether a change still comes through, and how long it took, ms. */
async function change(): Promise<number> {
  const began = performance.now()
  const port = 10_000 + added++
  await until(() =>
    etcd.put(`fairlead/services/users/n${added}`, `http://127.0.0.1:${port}`).then(
      () => true,
      () => false,
    ),
  )
  await until(() => endpoints().some((endpoint) => endpoint.port === port))
  return performance.now() - began
}

const isRegistered = async (): Promise<boolean> => (await etcd.entries(registration.key)).size === 1

describe.skipIf(ETCD === undefined)(`three members of ${WITH_ETCD}`, { timeout: 90_000 }, () => {
  it('one after another is killed and comes back', async () => {
    for (const member of etcd.members) {
      await member.kill()
      await change()
      await member.restart()
      await etcd.ready()
      await change()
    }
    expect(await isRegistered()).toBe(true)
    expect(told.filter((one) => one.startsWith('lost'))).toEqual([])
    expect(events.filter(({ type }) => type === 'held')).toEqual([])
  })

  it('the one that leads is killed', async () => {
    const leader = await etcd.leader()
    await leader.kill()
    await change()
    await new Promise((resolve) => setTimeout(resolve, TTL_MS))
    expect(await isRegistered()).toBe(true)
    expect(registration.state).toBe('registered')
  })

  it('each in turn stands still', async () => {
    for (const member of etcd.members) {
      member.signal('SIGSTOP')
      await change()
      member.signal('SIGCONT')
      await etcd.ready()
    }
    expect(await isRegistered()).toBe(true)
  })

  it('most of them stand still: what is known stays, nothing hangs, and all goes on afterwards', async () => {
    await change()
    const known = endpoints()
    etcd.members[0].signal('SIGSTOP')
    etcd.members[1].signal('SIGSTOP')
    await until(() => balancer.stats().services.users.sources[0].error !== undefined)
    await until(() => told.some((one) => one.startsWith('failed')))
    expect(endpoints()).toEqual(known)
    expect(await (await balancer.fetch(`http://users/`)).text()).toBe('ok')
    const late = register({
      etcd: { servers: etcd.servers },
      service: 'users',
      endpoint: 'http://127.0.0.1:1',
      timeoutMs: 1_000,
    })
    await expect(late).rejects.toMatchObject({ code: 'FAIRLEAD_REGISTRATION' })
    etcd.members[0].signal('SIGCONT')
    etcd.members[1].signal('SIGCONT')
    await etcd.ready()
    await change()
    await until(() => registration.state === 'registered')
    await until(isRegistered)
  })
})
