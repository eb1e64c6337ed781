/** Servers that register themselves are restarted one after another, under load: no request fails. All options are at their defaults. */
import { afterEach, describe, expect, it } from 'vitest'
import { Balancer } from '../../lib/index.js'
import { ETCD, Etcd, WITH_ETCD } from '../support/etcd.js'
import { RegisteredProcess } from '../support/registered-process.js'
import { until } from '../support/until.js'

const SERVERS = 3
const CALLERS = 8

let etcd: Etcd
let balancer: Balancer | undefined
let processes: RegisteredProcess[] = []

afterEach(async () => {
  await balancer?.stop({ drainMs: 0 })
  await Promise.all(processes.splice(0).map((one) => one.end()))
  await etcd?.stop()
})

describe.skipIf(ETCD === undefined)(`a rolling restart with ${WITH_ETCD}`, { timeout: 90_000 }, () => {
  it('fails no request, not even those that must not be sent twice', async () => {
    etcd = await Etcd.start()
    const options = { etcd: { servers: etcd.servers }, delayMs: 20 }
    processes = await Promise.all(Array.from({ length: SERVERS }, () => RegisteredProcess.start(options)))
    balancer = new Balancer({
      services: { users: { source: { etcd: { service: 'users', servers: etcd.servers } } } },
    })
    await balancer.start()
    const urls = () => balancer!.service('users').endpoints.map(({ url }) => url)
    expect(urls().sort()).toEqual(processes.map(({ url }) => url).sort())
    let sent = 0
    let isOver = false
    const failed: unknown[] = []
    const answeredBy = new Set<string>()
    const callers = Array.from({ length: CALLERS }, async (_, i) => {
      while (!isOver) {
        sent++
        try {
          const response = await balancer!.fetch('http://users/', i % 2 ? {} : { method: 'POST', body: 'x' })
          answeredBy.add((await response.text()).split(' ')[0])
          if (response.status !== 200) failed.push(response.status)
        } catch (error) {
          failed.push(error)
        }
      }
    })
    for (let i = 0; i < SERVERS; i++) {
      const next = await RegisteredProcess.start(options)
      await until(() => urls().includes(next.url))
      const before = processes[i]
      processes[i] = next
      expect(await before.end('SIGTERM')).toBe(0)
      await until(() => !urls().includes(before.url))
      await until(() => answeredBy.has(String(next.pid)))
    }
    isOver = true
    await Promise.all(callers)
    expect(failed).toEqual([])
    expect(sent).toBeGreaterThan(500)
    expect(answeredBy.size).toBe(2 * SERVERS)
    expect(urls().sort()).toEqual(processes.map(({ url }) => url).sort())
  })
})
