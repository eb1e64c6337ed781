/** Registrations in a real etcd. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { Balancer, type RegisterOptions, type Registration, register } from '../../lib/index.js'
import { base64, ETCD, Etcd, WITH_ETCD } from '../support/etcd.js'
import { RegisteredProcess } from '../support/registered-process.js'
import { TcpRelay } from '../support/tcp-relay.js'
import { until } from '../support/until.js'

const PREFIX = 'fairlead/services/users/'
const TTL_MS = 2_000
const URL_A = 'http://127.0.0.1:8081'

let etcd: Etcd
const registrations: Registration[] = []
const processes: RegisteredProcess[] = []
let relay: TcpRelay | undefined

afterEach(async () => {
  await Promise.all(registrations.splice(0).map((one) => one.remove({ timeoutMs: 500 })))
  await Promise.all(processes.splice(0).map((one) => one.end()))
  await relay?.cut()
  relay = undefined
  await etcd?.stop()
})

async function enter(
  options: Partial<RegisterOptions> = {},
): Promise<{ registration: Registration; told: string[] }> {
  const registration = await register({
    etcd: { servers: etcd.servers },
    service: 'users',
    endpoint: URL_A,
    ttl: TTL_MS,
    ...options,
  })
  registrations.push(registration)
  const told: string[] = []
  for (const type of ['lost', 'registered', 'failed'] as const)
    registration.on(type, ({ reason }) => told.push(`${type}: ${reason}`))
  return { registration, told }
}

const entries = () => etcd.entries(PREFIX)
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe.skipIf(ETCD === undefined)(`a registration in ${WITH_ETCD}`, { timeout: 60_000 }, () => {
  it('is there when `register` resolves, outlives its ttl, and is gone when it is removed', async () => {
    etcd = await Etcd.start()
    const { registration, told } = await enter({ endpoint: { url: URL_A, zone: 'z' } })
    expect(registration).toMatchObject({
      state: 'registered',
      key: `${PREFIX}127.0.0.1:8081`,
      service: 'users',
    })
    expect(registration.endpoint).toMatchObject({ id: '127.0.0.1:8081', url: URL_A, zone: 'z', weight: 1 })
    const before = await entries()
    expect([...before.keys()]).toEqual([registration.key])
    await sleep(TTL_MS * 2)
    expect(await entries()).toEqual(before)
    expect(await etcd.leases()).toHaveLength(1)
    expect(await Promise.all([registration.remove(), registration.remove()])).toEqual([true, true])
    expect(registration.state).toBe('removed')
    expect((await entries()).size).toBe(0)
    expect(await etcd.leases()).toEqual([])
    await expect(registration.update(URL_A)).rejects.toMatchObject({ code: 'FAIRLEAD_REGISTRATION' })
    expect(told).toEqual([])
  })

  it('changes with its lease, and keeps its id', async () => {
    etcd = await Etcd.start()
    const { registration } = await enter()
    const leases = await etcd.leases()
    await registration.update({ url: 'http://127.0.0.1:8082', weight: 3 })
    expect(registration.endpoint).toMatchObject({ id: '127.0.0.1:8081', port: 8082, weight: 3 })
    expect(JSON.parse((await entries()).get(registration.key) as string)).toEqual({
      url: 'http://127.0.0.1:8082',
      weight: 3,
      id: '127.0.0.1:8081',
    })
    expect(await etcd.leases()).toEqual(leases)
    await expect(registration.update({ url: URL_A, id: 'b' })).rejects.toMatchObject({
      code: 'FAIRLEAD_ARGUMENT',
    })
    await expect(registration.update({ url: URL_A, weight: -1 })).rejects.toMatchObject({
      code: 'FAIRLEAD_CONFIG',
    })
    expect(registration.endpoint.weight).toBe(3)
  })

  it('does not take the place of another endpoint, and leaves nothing behind', async () => {
    etcd = await Etcd.start()
    await enter({ endpoint: { url: URL_A, id: 'a' } })
    await etcd.put(`${PREFIX}by-hand`, 'http://127.0.0.1:9999')
    for (const id of ['a', 'by-hand'])
      await expect(enter({ endpoint: { url: 'http://127.0.0.1:8082', id } })).rejects.toMatchObject({
        code: 'FAIRLEAD_ENDPOINT_TAKEN',
        endpoint: id,
        service: 'users',
      })
    expect(await etcd.leases()).toHaveLength(1)
    expect(JSON.parse((await entries()).get(`${PREFIX}a`) as string).url).toBe(URL_A)
  })

  it('takes over from a process of the same URL, whose end then changes nothing', async () => {
    etcd = await Etcd.start()
    const { registration: before } = await enter()
    const { registration: after } = await enter({ endpoint: { url: URL_A, weight: 2 } })
    expect(await before.remove()).toBe(true)
    expect([...(await entries()).values()].map((text) => JSON.parse(text).weight)).toEqual([2])
    await after.remove()
    expect((await entries()).size).toBe(0)
  })

  it('comes back after its lease has ended, and after its key was deleted', async () => {
    etcd = await Etcd.start()
    const { registration, told } = await enter()
    const [lease] = await etcd.leases()
    await etcd.call('lease/revoke', { ID: lease })
    await until(() => told.length === 2)
    expect((await entries()).size).toBe(1)
    await etcd.remove(registration.key)
    await until(() => told.length === 4)
    expect((await entries()).size).toBe(1)
    expect(told).toEqual([
      'lost: its lease has run out',
      'registered: it is in etcd again',
      'lost: its key is not in etcd any more',
      'registered: it is in etcd again',
    ])
  })

  it('tells that it is lost where etcd is away for longer than its ttl, and comes back with it', async () => {
    etcd = await Etcd.start()
    relay = new TcpRelay(Number(new URL(etcd.servers[0]).port))
    await relay.open()
    const { registration, told } = await enter({ etcd: { servers: [`http://127.0.0.1:${relay.port}`] } })
    await relay.cut()
    await until(() => registration.state === 'lost')
    expect(told[0]).toMatch(/^failed: http:.*cannot be asked: .*ECONNREFUSED/)
    expect(told[1]).toMatch(/^lost: etcd has not answered/)
    await until(async () => (await entries()).size === 0)
    await relay.open()
    await until(() => registration.state === 'registered')
    expect((await entries()).size).toBe(1)
    expect(told).toHaveLength(3)
  })

  it('cannot be removed while etcd is away, and says so', async () => {
    etcd = await Etcd.start()
    const { registration } = await enter()
    await etcd.members[0].kill()
    expect(await registration.remove({ timeoutMs: 300 })).toBe(false)
    expect(registration.state).toBe('removed')
  })

  it('rejects in time where etcd is away, hangs, or is given up', async () => {
    etcd = await Etcd.start()
    await etcd.members[0].kill()
    await expect(enter({ timeoutMs: 300 })).rejects.toThrow(
      /could not be registered: etcd has not answered within 300 ms; at last: .*ECONNREFUSED/,
    )
    const giving = new AbortController()
    const given = enter({ signal: giving.signal })
    giving.abort(new Error('not needed'))
    await expect(given).rejects.toThrow('not needed')
    await etcd.members[0].restart()
    await etcd.ready()
    etcd.members[0].signal('SIGSTOP')
    await expect(enter({ timeoutMs: 1_500 })).rejects.toMatchObject({ code: 'FAIRLEAD_REGISTRATION' })
    etcd.members[0].signal('SIGCONT')
    await sleep(200)
    expect((await entries()).size).toBe(0)
  })

  it('is let in as a user who may write the keys of the service', async () => {
    etcd = await Etcd.start()
    const folder = mkdtempSync(join(tmpdir(), 'fairlead-password-'))
    try {
      const passwordFile = join(folder, 'password')
      writeFileSync(passwordFile, 'secret')
      for (const name of ['root', 'writer']) await etcd.call('auth/user/add', { name, password: 'secret' })
      await etcd.call('auth/role/add', { name: 'write' })
      await etcd.call('auth/role/grant', {
        name: 'write',
        perm: { permType: 'READWRITE', key: base64(PREFIX), range_end: base64(`${PREFIX.slice(0, -1)}0`) },
      })
      await etcd.call('auth/user/grant', { user: 'writer', role: 'write' })
      await etcd.call('auth/user/grant', { user: 'root', role: 'root' })
      await etcd.call('auth/enable', {})
      await expect(enter()).rejects.toThrow(/user name is empty/)
      const access = { servers: etcd.servers, username: 'writer', passwordFile }
      await expect(enter({ etcd: access, service: 'orders' })).rejects.toThrow(/permission denied/)
      const { registration, told } = await enter({ etcd: access })
      await sleep(TTL_MS * 1.5)
      expect(told).toEqual([])
      expect(await registration.remove()).toBe(true)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('ends within ttl and 1.5 s after its process was killed, in the balancer as well', async () => {
    etcd = await Etcd.start()
    for (let i = 0; i < 2; i++)
      processes.push(await RegisteredProcess.start({ etcd: { servers: etcd.servers }, ttl: TTL_MS }))
    const source = { etcd: { service: 'users', servers: etcd.servers } }
    const balancer = new Balancer({ services: { users: { source } } })
    try {
      await balancer.start()
      expect(balancer.service('users').endpoints).toHaveLength(2)
      const killed = performance.now()
      await processes[0].end('SIGKILL')
      await until(() => balancer.service('users').endpoints.length === 1)
      expect(performance.now() - killed).toBeLessThan(TTL_MS + 1_500)
      expect(balancer.service('users').endpoints[0].url).toBe(processes[1].url)
    } finally {
      await balancer.stop({ drainMs: 0 })
    }
  })

  it('comes back when its process has stood still for longer than its ttl', async () => {
    etcd = await Etcd.start()
    const child = await RegisteredProcess.start({ etcd: { servers: etcd.servers }, ttl: TTL_MS })
    processes.push(child)
    child.signal('SIGSTOP')
    await until(async () => (await entries()).size === 0)
    child.signal('SIGCONT')
    await until(async () => (await entries()).size === 1)
    await until(() => child.messages.some(({ type }) => type === 'registered'))
    expect(child.messages.map(({ type }) => type)).toEqual(['ready', 'lost', 'registered'])
  })

  it('does not keep its process alive', async () => {
    etcd = await Etcd.start()
    const { execFile } = await import('node:child_process')
    const text = `
      import { register } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)}
      await register(${JSON.stringify({ etcd: { servers: etcd.servers }, service: 'users', endpoint: URL_A })})
      console.log('registered')`
    const output = await new Promise((resolve, reject) =>
      execFile(process.execPath, ['--input-type=module', '-e', text], { timeout: 20_000 }, (error, stdout) =>
        error ? reject(error) : resolve(stdout),
      ),
    )
    expect(output).toBe('registered\n')
  })
})
