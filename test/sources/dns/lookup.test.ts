import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answer, type LookupQuestion, lookup } from '../../../lib/sources/dns/lookup.js'
import { DNSMASQ, type Dnsmasq, freePort, startDnsmasq } from './dnsmasq.js'

const TTL_S = 30
const TTL_MS = TTL_S * 1_000
/** Of 16 bytes each at least: more than fit in 1,232 bytes. */
const MANY = 200
const CASE_MS = 20_000

const RECORDS = [
  `--local-ttl=${TTL_S}`,
  // What is in none of these would be refused.
  '--local=/test/',
  '--local=/deep/',
  '--local=/users/',
  '--host-record=four.test,10.1.0.1',
  '--host-record=both.test,10.1.0.2,fd00::2',
  '--host-record=six.test,fd00:0:0:1::6',
  '--host-record=web1.test,10.2.0.1',
  '--host-record=web2.test,10.2.0.2,fd00::22',
  '--host-record=short.test,10.1.0.9,7',
  '--host-record=users.shop.test,10.3.0.1',
  '--host-record=users.deep.shop.test,10.3.0.2',
  '--cname=alias.test,four.test',
  '--cname=second.test,alias.test',
  '--srv-host=_http._tcp.web.test,web1.test,8080,10,60',
  '--srv-host=_http._tcp.web.test,web2.test,8081,20,40',
  '--srv-host=_http._tcp.gone.test,web1.test,8080,10,60',
  '--srv-host=_http._tcp.gone.test,nowhere.test,8080,10,60',
  '--srv-host=_http._tcp.empty.test,nowhere.test,8080,10,60',
  '--srv-host=_http._tcp.never.test',
  '--srv-host=_http._tcp.zero.test,web1.test,0',
]

if (DNSMASQ === undefined) console.log('There is no dnsmasq on this machine: the lookups of it are skipped.')

describe.skipIf(DNSMASQ === undefined)('lookup asks dnsmasq', { timeout: CASE_MS }, () => {
  let server: Dnsmasq | undefined
  let folder: string | undefined

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-dns-'))
    const hosts = join(folder, 'hosts')
    const lines = Array.from({ length: MANY }, (_, i) => `10.9.${i >> 8}.${i & 255} many.test\n`)
    await writeFile(hosts, lines.join(''))
    server = await startDnsmasq([...RECORDS, `--addn-hosts=${hosts}`])
  })
  afterAll(async () => {
    await server?.stop()
    if (folder !== undefined) await rm(folder, { recursive: true })
  })

  const ask = (
    name: string,
    type: LookupQuestion['type'],
    more: Partial<LookupQuestion> = {},
  ): Promise<Answer> => {
    const servers = [server?.address ?? '']
    return lookup(
      { name, type, servers, search: [], ndots: 1, timeoutMs: 5_000, ...more },
      new AbortController().signal,
    )
  }

  it('for A', async () => {
    expect(await ask('four.test', 'A')).toEqual({ records: [{ address: '10.1.0.1' }], ttlMs: TTL_MS })
    expect(await ask('FOUR.test.', 'A')).toEqual({ records: [{ address: '10.1.0.1' }], ttlMs: TTL_MS })
  })

  it('for AAAA', async () => {
    expect(await ask('six.test', 'AAAA')).toEqual({ records: [{ address: 'fd00:0:0:1::6' }], ttlMs: TTL_MS })
  })

  it('for both, of which one may be missing', async () => {
    const both = await ask('both.test', 'A+AAAA')
    expect(both.records).toEqual([{ address: '10.1.0.2' }, { address: 'fd00::2' }])
    expect((await ask('four.test', 'A+AAAA')).records).toEqual([{ address: '10.1.0.1' }])
    expect((await ask('six.test', 'A+AAAA')).records).toEqual([{ address: 'fd00:0:0:1::6' }])
  })

  it('and takes the time to live of the record', async () => {
    expect((await ask('short.test', 'A')).ttlMs).toBe(7_000)
  })

  it('and follows aliases', async () => {
    expect((await ask('second.test', 'A')).records).toEqual([{ address: '10.1.0.1' }])
    await expect(ask('second.test', 'AAAA')).rejects.toMatchObject({ code: 'NODATA' })
  })

  it('for SRV, with the addresses of the targets', async () => {
    expect((await ask('_http._tcp.web.test', 'SRV')).records).toEqual([
      { address: '10.2.0.1', port: 8080, priority: 10, weight: 60, target: 'web1.test' },
      { address: '10.2.0.2', port: 8081, priority: 20, weight: 40, target: 'web2.test' },
      { address: 'fd00::22', port: 8081, priority: 20, weight: 40, target: 'web2.test' },
    ])
  })

  it('for SRV, and leaves out targets without an address unless none is left', async () => {
    const { records } = await ask('_http._tcp.gone.test', 'SRV')
    expect(records.map(({ target }) => target)).toEqual(['web1.test'])
    await expect(ask('_http._tcp.empty.test', 'SRV')).rejects.toMatchObject({ code: 'NODATA' })
  })

  it('for SRV of which there is no such service', async () => {
    await expect(ask('_http._tcp.never.test', 'SRV')).rejects.toMatchObject({ code: 'NODATA' })
  })

  it('over TCP where the answer is truncated', async () => {
    const { records } = await ask('many.test', 'A')
    expect(new Set(records.map(({ address }) => address)).size).toBe(MANY)
  })

  it('for a name that does not exist', async () => {
    await expect(ask('nowhere.test', 'A')).rejects.toMatchObject({
      name: 'DnsError',
      code: 'NXDOMAIN',
      hostname: 'nowhere.test',
      message: `DNS lookup of "nowhere.test" (A) failed: ${server?.address} says that there is no such name; check the spelling of the name, and the search domains`,
    })
    await expect(ask('nowhere.test', 'A+AAAA')).rejects.toMatchObject({ code: 'NXDOMAIN' })
  })

  it('for a type that the name does not have', async () => {
    await expect(ask('four.test', 'AAAA')).rejects.toMatchObject({
      code: 'NODATA',
      message: `DNS lookup of "four.test" (AAAA) failed: ${server?.address} says that there is no AAAA record; check that the zone has records of this type under this name`,
    })
    await expect(ask('four.test', 'SRV')).rejects.toMatchObject({ code: 'NODATA' })
  })

  it('with the search domains', async () => {
    const search = ['nothing.test', 'shop.test']
    expect((await ask('users', 'A', { search })).records).toEqual([{ address: '10.3.0.1' }])
    expect((await ask('users.deep', 'A', { search })).records).toEqual([{ address: '10.3.0.2' }])
    expect((await ask('users.deep', 'A', { search, ndots: 5 })).records).toEqual([{ address: '10.3.0.2' }])
    await expect(ask('users.', 'A', { search })).rejects.toMatchObject({ code: 'NXDOMAIN' })
    await expect(ask('orders.test', 'A', { search })).rejects.toThrow(
      /no such name \(tried: orders.test, orders.test.nothing.test, orders.test.shop.test\)/,
    )
  })

  it('after a server that nothing listens on', async () => {
    const dead = `127.0.0.1:${await freePort()}`
    const servers = [dead, server?.address ?? '']
    expect((await ask('four.test', 'A', { servers })).records).toEqual([{ address: '10.1.0.1' }])
    await expect(ask('four.test', 'A', { servers: [dead] })).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: expect.stringContaining(`${dead} cannot be reached (ECONNREFUSED)`),
    })
  })
})
