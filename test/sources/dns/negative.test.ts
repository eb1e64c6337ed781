/** Answers that there is none, servers that do not answer, and names that a zone has trouble with. */
import type { Answer, DecodedPacket } from 'dns-packet'
import { afterEach, describe, expect, it } from 'vitest'
import { systemTimers, type Timers } from '../../../lib/runtime/timers.js'
import { type LookupQuestion, lookup } from '../../../lib/sources/dns/lookup.js'
import { SilentServers } from '../../../lib/sources/dns/silent-servers.js'
import { startDns } from '../../../lib/sources/dns.js'
import type { RunningSource } from '../../../lib/sources/source.js'
import { until } from '../../support/until.js'
import { RecordingSink } from '../sink.js'
import { replyTo, replyWithCode, type Scripted, startScripted, type UdpScene } from './scripted-server.js'

const CASE_MS = 20_000
/** No answer on loopback takes so long. */
const SHORT_MS = 300
const SERVFAIL = 2
const NXDOMAIN = 3
const REFUSED = 5

const servers: Scripted[] = []
let source: RunningSource | undefined

afterEach(async () => {
  source?.stop()
  source = undefined
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

async function start(udp: (scene: UdpScene) => void): Promise<Scripted> {
  const server = await startScripted({ udp })
  servers.push(server)
  return server
}

const nameOf = ({ questions }: DecodedPacket): string => questions?.[0]?.name ?? ''
const address = (query: DecodedPacket): Buffer =>
  replyTo(query, [{ type: 'A', name: nameOf(query), data: '10.0.0.1', ttl: 60 }])
const soa = (ttl: number, minimum: number): Answer => ({
  type: 'SOA',
  name: 'test',
  ttl,
  data: { mname: 'ns.test', rname: 'root.test', serial: 1, refresh: 2, retry: 3, expire: 4, minimum },
})
/** That there is no such name, or no such record of it. */
const none = (query: DecodedPacket, authorities: Answer[] = [], code = NXDOMAIN): Buffer => {
  const reply = replyTo(query, [], { authorities })
  reply.writeUInt16BE(reply.readUInt16BE(2) | code, 2)
  return reply
}

const ask = (more: Partial<LookupQuestion>, silence?: SilentServers) =>
  lookup(
    {
      name: 'users',
      type: 'A',
      servers: servers.map((server) => server.address),
      search: [],
      ndots: 1,
      timeoutMs: SHORT_MS,
      ...more,
    },
    new AbortController().signal,
    silence,
  )

describe('a name that a zone has trouble with', { timeout: CASE_MS }, () => {
  const search = ['one.test', 'two.test']

  it.each([
    ['SERVFAIL', SERVFAIL],
    ['REFUSED', REFUSED],
  ])('does not end the lookup: after %s the next name is asked for', async (_, code) => {
    const { asked } = await start(({ query, send }) =>
      send(nameOf(query) === 'users.one.test' ? replyWithCode(query, code) : address(query)),
    )
    expect((await ask({ search })).records).toEqual([{ address: '10.0.0.1' }])
    expect(asked).toEqual(['udp A users.one.test', 'udp A users.one.test', 'udp A users.two.test'])
  })

  it('is what the lookup ends with, where there is no other', async () => {
    await start(({ query, send }) =>
      send(nameOf(query) === 'users.one.test' ? replyWithCode(query, SERVFAIL) : none(query, [soa(60, 60)])),
    )
    await expect(ask({ search })).rejects.toMatchObject({
      code: 'SERVFAIL',
      hostname: 'users.one.test',
      negativeTtlMs: 0,
    })
  })

  it('is no reason to ask on where no server answers', async () => {
    const { asked } = await start(() => {})
    await expect(ask({ search, timeoutMs: 50 })).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(new Set(asked)).toEqual(new Set(['udp A users.one.test']))
  })
})

describe('a server that does not answer', { timeout: CASE_MS }, () => {
  it('is asked last for half a minute, and until it answers', async () => {
    let now = 0
    let isDeaf = true
    const silence = new SilentServers(() => now)
    const first = await start(({ query, send }) => void (!isDeaf && send(address(query))))
    const second = await start(({ query, send }) =>
      send(isDeaf ? address(query) : replyWithCode(query, SERVFAIL)),
    )
    const counts = () => [first.asked.length, second.asked.length]
    await ask({ timeoutMs: 50 }, silence)
    expect(counts()).toEqual([1, 1])
    now = 29_999
    await ask({ timeoutMs: 50 }, silence)
    expect(counts()).toEqual([1, 2])
    now = 30_000
    await ask({ timeoutMs: 50 }, silence)
    expect(counts()).toEqual([2, 3])
    // Now the other one cannot, and the first one answers: it is asked in its turn again.
    isDeaf = false
    await ask({ timeoutMs: 50 }, silence)
    expect(counts()).toEqual([3, 4])
    await ask({ timeoutMs: 50 }, silence)
    expect(counts()).toEqual([4, 4])
  })

  it('is not one that says that it cannot', async () => {
    const silence = new SilentServers(() => 0)
    const first = await start(({ query, send }) => send(replyWithCode(query, SERVFAIL)))
    await start(({ query, send }) => send(address(query)))
    await ask({}, silence)
    await ask({}, silence)
    expect(first.asked).toHaveLength(2)
  })

  it('is one that nothing listens on', async () => {
    const silence = new SilentServers(() => 0)
    const gone = await start(() => {})
    const { address: at } = gone
    await gone.close()
    servers.length = 0
    const { asked } = await start(({ query, send }) => send(address(query)))
    const both = [at, servers[0].address]
    await ask({ servers: both }, silence)
    const order = silence.order(
      [1, 2].map((i) => ({ address: '127.0.0.1', port: i, family: 4, label: both[i - 1] })),
    )
    expect(order.map(({ label }) => label)).toEqual([both[1], both[0]])
    expect(asked).toHaveLength(1)
  })
})

describe('that there is none holds', { timeout: CASE_MS }, () => {
  it.each<[string, Answer[], number]>([
    ['as long as the zone says', [soa(60, 7)], 7_000],
    ['no longer than its record', [soa(5, 3_600)], 5_000],
    ['no time that anybody has said', [], 0],
    ['not as long as another record', [{ type: 'NS', name: 'test', data: 'ns.test', ttl: 60 }], 0],
  ])('%s', async (_, authorities, negativeTtlMs) => {
    await start(({ query, send }) => send(none(query, authorities)))
    await expect(ask({})).rejects.toMatchObject({ code: 'NXDOMAIN', negativeTtlMs })
    await expect(ask({ type: 'SRV' })).rejects.toMatchObject({ code: 'NXDOMAIN', negativeTtlMs })
  })

  it('for the shortest time of all names and types', async () => {
    const seconds: Record<string, number> = {
      'A users.a.test': 9,
      'AAAA users.a.test': 8,
      'A users': 7,
      'AAAA users': 6,
    }
    await start(({ query, send }) => {
      const { type, name } = query.questions?.[0] ?? {}
      send(none(query, [soa(60, seconds[`${type} ${name}`])], 0))
    })
    await expect(ask({ type: 'A+AAAA', search: ['a.test'] })).rejects.toMatchObject({
      code: 'NODATA',
      negativeTtlMs: 6_000,
    })
  })

  it.each([
    ['too short', Buffer.alloc(10)],
    ['too long', Buffer.alloc(30)],
    ['a name that leads out of it', Buffer.from([0xff, 0xff, 0, 0])],
  ])(
    'no time where the record of the zone is wrong (%s), and the rest of the answer counts',
    async (_, data) => {
      await start(({ query, send }) => {
        const zone = { type: 'UNKNOWN_6', name: 'test', ttl: 60, data } as never
        const additionals: Answer[] = [{ type: 'A', name: 'ns.test', ttl: 60, data: '10.0.0.1' }]
        const reply = replyTo(query, [], { authorities: [zone], additionals })
        reply.writeUInt16BE(reply.readUInt16BE(2) | NXDOMAIN, 2)
        send(reply)
      })
      await expect(ask({})).rejects.toMatchObject({ code: 'NXDOMAIN', negativeTtlMs: 0 })
    },
  )

  it.each([
    [7, 7_000],
    [3_600, 30_000],
    [0, 250],
  ])('and a source asks after that, within bounds: %i s is %i ms', async (seconds, ms) => {
    const { address: at } = await start(({ query, send }) => send(none(query, [soa(9_999, seconds)])))
    const waits: number[] = []
    const timers: Timers = {
      ...systemTimers,
      random: () => 0,
      after(after, fn) {
        const isLimit = after === 8 * SHORT_MS
        if (!isLimit) waits.push(after)
        return systemTimers.after(isLimit ? after : 1, fn)
      },
    }
    const sink = new RecordingSink()
    const options = {
      name: 'a.test',
      type: 'A',
      scheme: 'http',
      addresses: 'all',
      timeout: SHORT_MS,
    } as const
    source = startDns({ ...options, servers: [at] }, sink, timers)
    await until(() => waits.length >= 1)
    expect(waits[0]).toBe(ms)
    expect(sink.errors[0]).toMatch(/there is no such name/)
  })
})
