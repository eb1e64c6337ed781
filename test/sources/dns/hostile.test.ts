import { createSocket } from 'node:dgram'
import { readdirSync, readlinkSync } from 'node:fs'
import packet, { type Answer as WireAnswer } from 'dns-packet'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { DnsError } from '../../../lib/sources/dns/errors.js'
import { type Answer, type LookupQuestion, lookup } from '../../../lib/sources/dns/lookup.js'
import { until } from '../../support/until.js'
import {
  replyTo,
  replyWithCode,
  type Script,
  type Scripted,
  startScripted,
  truncatedTo,
  type UdpScene,
  withLength,
} from './scripted-server.js'

const CASE_MS = 20_000
/** Long enough for any answer on loopback, and more than a case that expects a time-out can wait for. */
const LONG_MS = 10_000
const SHORT_MS = 60
const SERVFAIL = 2
const NXDOMAIN = 3
const REFUSED = 5
const FORMERR = 1
const DAY_MS = 86_400_000

const a = (name: string, data: string, ttl = 60): WireAnswer => ({ type: 'A', name, data, ttl })
const aaaa = (name: string, data: string, ttl = 60): WireAnswer => ({ type: 'AAAA', name, data, ttl })
const cname = (name: string, data: string, ttl = 60): WireAnswer => ({ type: 'CNAME', name, data, ttl })
const srv = (name: string, target: string, port: number, ttl = 60): WireAnswer => ({
  type: 'SRV',
  name,
  ttl,
  data: { target, port, priority: 1, weight: 1 },
})

describe('lookup', { timeout: CASE_MS }, () => {
  const servers: Scripted[] = []
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()))
  })

  const start = async (script: Script): Promise<Scripted> => {
    const server = await startScripted(script)
    servers.push(server)
    return server
  }
  const startUdp = (udp: (scene: UdpScene) => void): Promise<Scripted> => start({ udp })
  /** Answers by type and name; what is not listed has no data. */
  const startZone = (zone: Record<string, WireAnswer[]>, additionals: WireAnswer[] = []): Promise<Scripted> =>
    startUdp(({ query, send }) => {
      const [question] = query.questions ?? []
      const answers = zone[`${question?.type} ${question?.name}`] ?? []
      send(replyTo(query, answers, answers.length > 0 ? { additionals } : {}))
    })
  const good = (): Promise<Scripted> =>
    startUdp(({ query, send }) => send(replyTo(query, [a('a.test', '10.0.0.1')])))

  const ask = (
    asked: readonly Scripted[],
    more: Partial<LookupQuestion> = {},
    signal = new AbortController().signal,
  ): Promise<Answer> =>
    lookup(
      {
        name: 'a.test',
        type: 'A',
        servers: asked.map(({ address }) => address),
        search: [],
        ndots: 1,
        timeoutMs: LONG_MS,
        ...more,
      },
      signal,
    )
  const addresses = ({ records }: Answer): string[] => records.map(({ address }) => address)

  describe('takes answers only', () => {
    it.each<[string, (scene: UdpScene) => void]>([
      [
        'with the id of the question',
        ({ query, send }) => {
          send(replyTo({ ...query, id: (query.id ?? 0) ^ 1 }, [a('a.test', '10.6.6.6')]))
        },
      ],
      [
        'to the name',
        ({ query, send }) => {
          const questions = [{ type: 'A', name: 'b.test' } as const]
          send(replyTo(query, [a('b.test', '10.6.6.6'), a('a.test', '10.6.6.6')], { questions }))
        },
      ],
      [
        'to the type',
        ({ query, send }) => {
          send(replyTo(query, [a('a.test', '10.6.6.6')], { questions: [{ type: 'AAAA', name: 'a.test' }] }))
        },
      ],
      [
        'to one question',
        ({ query, send }) => {
          const [question] = query.questions ?? []
          send(replyTo(query, [a('a.test', '10.6.6.6')], { questions: [question!, question!] }))
          send(replyTo(query, [a('a.test', '10.6.6.6')], { questions: [] }))
        },
      ],
      [
        'that are answers',
        ({ query, send }) => send(replyTo(query, [a('a.test', '10.6.6.6')], { type: 'query' })),
      ],
      [
        'that are messages',
        ({ send }) => {
          send(Buffer.alloc(0))
          send(Buffer.from('garbage, and more than twelve bytes of it'))
        },
      ],
    ])('%s', async (_, lie) => {
      const server = await startUdp((scene) => {
        lie(scene)
        scene.send(replyTo(scene.query, [a('a.test', '10.0.0.1')]))
      })
      expect(addresses(await ask([server]))).toEqual(['10.0.0.1'])
      expect(server.asked).toHaveLength(1)
    })

    it('from the port that was asked', async () => {
      const other = createSocket('udp4')
      try {
        const server = await startUdp(({ query, from, send }) => {
          other.send(replyTo(query, [a('a.test', '10.6.6.6')]), from.port, from.address, () =>
            send(replyTo(query, [a('a.test', '10.0.0.1')])),
          )
        })
        expect(addresses(await ask([server]))).toEqual(['10.0.0.1'])
      } finally {
        other.close()
      }
    })

    it('until the time-out', async () => {
      const server = await startUdp(({ query, send }) =>
        send(replyTo({ ...query, id: (query.id ?? 0) ^ 1 }, [])),
      )
      await expect(ask([server], { timeoutMs: SHORT_MS })).rejects.toMatchObject({
        code: 'TIMEOUT',
        message: `DNS lookup of "a.test" (A) failed: ${server.address} did not answer in time; check that the server is up, and that no firewall stops UDP and TCP on its port`,
      })
      expect(server.asked).toHaveLength(2)
    })

    it('in whatever case the name comes back', async () => {
      const server = await startUdp(({ query, send }) =>
        send(replyTo(query, [a('A.Test', '10.0.0.1')], { questions: [{ type: 'A', name: 'a.TEST' }] })),
      )
      expect(addresses(await ask([server], { name: 'A.test' }))).toEqual(['10.0.0.1'])
    })

    it('asks with another id from another port each time', async () => {
      const seen: string[] = []
      const server = await startUdp(({ query, from, send }) => {
        seen.push(`${query.id} ${from.port}`)
        send(replyTo(query, [a('a.test', '10.0.0.1')]))
      })
      for (let i = 0; i < 8; i++) await ask([server])
      expect(new Set(seen).size).toBe(8)
    })
  })

  describe('goes on to the next server, and twice over all, after', () => {
    it.each<[string, string, (scene: UdpScene) => void]>([
      ['SERVFAIL', 'answered SERVFAIL', ({ query, send }) => send(replyWithCode(query, SERVFAIL))],
      ['REFUSED', 'answered REFUSED', ({ query, send }) => send(replyWithCode(query, REFUSED))],
      ['FORMERR', 'answered FORMERR', ({ query, send }) => send(replyWithCode(query, FORMERR))],
      ['SERVFAIL', 'answered with code 9', ({ query, send }) => send(replyWithCode(query, 9))],
      ['REFUSED', 'does not look names up', ({ query, send }) => send(replyTo(query, [], { flags: 0 }))],
      [
        'SERVFAIL',
        'answered with code 16',
        ({ query, send }) => {
          const extended = { udpPayloadSize: 512, extendedRcode: 1, ednsVersion: 0, flags: 0, flag_do: false }
          send(replyTo(query, [], { additionals: [{ type: 'OPT', name: '.', ...extended, options: [] }] }))
        },
      ],
      [
        'MALFORMED',
        'ends before its last record',
        ({ query, send }) => {
          send(replyTo(query, [a('a.test', '10.0.0.1')]).subarray(0, -1))
        },
      ],
      [
        'MALFORMED',
        'has an A record of 3 bytes',
        ({ query, send }) => {
          const reply = replyTo(query, [a('a.test', '10.0.0.1')])
          reply.writeUInt16BE(3, reply.length - 6)
          send(reply)
        },
      ],
      [
        'MALFORMED',
        'has a name with a bad pointer',
        ({ query, send }) => {
          const reply = replyTo(query, [cname('a.test', 'bb.test')])
          reply.writeUInt16BE(0xc000 | (reply.length - 9), reply.length - 9)
          send(reply)
        },
      ],
      [
        'MALFORMED',
        'in a circle',
        ({ query, send }) => {
          send(replyTo(query, [cname('a.test', 'b.test'), cname('b.test', 'a.test')]))
        },
      ],
    ])('%s: %s', async (code, said, misbehave) => {
      const [bad, other] = [await startUdp(misbehave), await good()]
      expect(addresses(await ask([bad, other]))).toEqual(['10.0.0.1'])
      const before = bad.asked.length
      await expect(ask([bad])).rejects.toMatchObject({ code, message: expect.stringContaining(said) })
      expect(bad.asked.length).toBe(before * 3)
    })

    it('SERVFAIL once, of the only server', async () => {
      const server = await startUdp(({ query, send }) =>
        send(
          server.asked.length === 1
            ? replyWithCode(query, SERVFAIL)
            : replyTo(query, [a('a.test', '10.0.0.1')]),
        ),
      )
      expect(addresses(await ask([server]))).toEqual(['10.0.0.1'])
    })

    it('NXDOMAIN never: that is an answer', async () => {
      const [first, second] = [
        await startUdp(({ query, send }) => send(replyWithCode(query, NXDOMAIN))),
        await good(),
      ]
      await expect(ask([first, second])).rejects.toMatchObject({ code: 'NXDOMAIN' })
      expect(second.asked).toEqual([])
    })
  })

  describe('asks without EDNS', () => {
    it.each<[string, (scene: UdpScene) => Buffer]>([
      ['FORMERR', ({ query }) => replyWithCode(query, FORMERR)],
      [
        'FORMERR that has no question in it',
        ({ query }) => replyWithCode({ ...query, questions: [] }, FORMERR),
      ],
    ])('after %s', async (_, refuse) => {
      const edns: number[] = []
      const server = await startUdp((scene) => {
        const [option] = scene.query.additionals ?? []
        edns.push(option?.type === 'OPT' ? option.udpPayloadSize : 0)
        scene.send(option === undefined ? replyTo(scene.query, [a('a.test', '10.0.0.1')]) : refuse(scene))
      })
      expect(addresses(await ask([server]))).toEqual(['10.0.0.1'])
      expect(edns).toEqual([1_232, 0])
    })
  })

  describe('asks over TCP after a truncated answer', () => {
    const truncate = ({ query, send }: UdpScene): void => send(truncatedTo(query))
    const fullReply = Array.from({ length: 400 }, (_, i) => a('a.test', `10.0.${i >> 8}.${i & 255}`))

    it('and takes one that comes byte by byte, with more after it', async () => {
      const server = await start({
        udp: truncate,
        async tcp(socket, query) {
          socket.setNoDelay()
          for (const byte of withLength(replyTo(query, [a('a.test', '10.0.0.1')]))) {
            socket.write(Buffer.from([byte]))
            await new Promise((resolve) => setImmediate(resolve))
          }
          socket.write(Buffer.alloc(200_000))
        },
      })
      expect(addresses(await ask([server]))).toEqual(['10.0.0.1'])
      await until(() => server.connections.size === 0)
    })

    it('also where it was cut within a record', async () => {
      const server = await start({
        udp: ({ query, send }) => {
          const flags = packet.TRUNCATED_RESPONSE
          send(replyTo(query, fullReply, { flags }).subarray(0, 500))
        },
        tcp: (socket, query) => socket.end(withLength(replyTo(query, fullReply))),
      })
      expect((await ask([server])).records).toHaveLength(400)
      expect(server.asked).toEqual(['udp A a.test', 'tcp A a.test'])
    })

    it.each<[string, string, NonNullable<Script['tcp']>]>([
      ['TIMEOUT', 'did not answer in time', () => {}],
      [
        'TIMEOUT',
        'did not answer in time',
        (socket, query) => {
          socket.write(withLength(replyTo(query, fullReply)).subarray(0, -1))
        },
      ],
      ['MALFORMED', 'ended after 0 bytes', (socket) => socket.end()],
      [
        'MALFORMED',
        'ended after 100 bytes',
        (socket, query) => {
          socket.end(withLength(replyTo(query, fullReply)).subarray(0, 100))
        },
      ],
      [
        'MALFORMED',
        'is truncated over TCP too',
        (socket, query) => socket.end(withLength(truncatedTo(query))),
      ],
      ['MALFORMED', 'is to another question', (socket) => socket.end(Buffer.alloc(200_000))],
      ['UNREACHABLE', 'ECONNRESET', (socket) => socket.resetAndDestroy()],
    ])('and goes on after %s: %s', async (code, said, tcp) => {
      const [bad, other] = [await start({ udp: truncate, tcp }), await good()]
      const timeoutMs = code === 'TIMEOUT' ? 2 * SHORT_MS : LONG_MS
      await expect(ask([bad], { timeoutMs })).rejects.toMatchObject({
        code,
        message: expect.stringContaining(said),
      })
      expect(addresses(await ask([bad, other], { timeoutMs }))).toEqual(['10.0.0.1'])
      await until(() => bad.connections.size === 0)
    })
  })

  describe('follows aliases', () => {
    it('in the answer and out of it, and counts their time to live', async () => {
      const server = await startZone({
        'A a.test': [cname('a.test', 'b.test', 50), cname('b.test', 'c.test', 20)],
        'A c.test': [cname('c.test', 'd.test', 40), a('d.test', '10.0.0.1', 30), a('d.test', '10.0.0.2', 30)],
      })
      expect(await ask([server])).toEqual({
        records: [{ address: '10.0.0.1' }, { address: '10.0.0.2' }],
        ttlMs: 20_000,
      })
      expect(server.asked).toEqual(['udp A a.test', 'udp A c.test'])
    })

    it('and takes no record of another name', async () => {
      const server = await startZone({ 'A a.test': [a('b.test', '10.6.6.6', 1), a('a.test', '10.0.0.1')] })
      expect(await ask([server])).toEqual({ records: [{ address: '10.0.0.1' }], ttlMs: 60_000 })
    })

    it('up to a bound, where each answer leads to another name', async () => {
      let i = 0
      const server = await startUdp(({ query, send }) =>
        send(replyTo(query, [cname(query.questions?.[0]?.name ?? '', `n${i++}.test`)])),
      )
      await expect(ask([server])).rejects.toMatchObject({
        code: 'MALFORMED',
        message: expect.stringContaining('more than 16 aliases'),
      })
      expect(i).toBe(17)
    })

    it('but not to what is no host name', async () => {
      const server = await startZone({ 'A a.test': [cname('a.test', 'b c.test')] })
      await expect(ask([server])).rejects.toThrow(/alias \(CNAME\) of "b\\032c.test", which is no host name/)
    })

    it('to a name that does not exist', async () => {
      const server = await startUdp(({ query, send }) => {
        const [question] = query.questions ?? []
        send(
          question?.name === 'a.test'
            ? replyTo(query, [cname('a.test', 'b.test')])
            : replyWithCode(query, NXDOMAIN),
        )
      })
      await expect(ask([server])).rejects.toThrow('no such name as "b.test", to which it leads')
    })
  })

  describe('bounds', () => {
    it('the time to live', async () => {
      const withTtl = async (ttl: number): Promise<number> =>
        (await ask([await startZone({ 'A a.test': [a('a.test', '10.0.0.1', ttl)] })])).ttlMs
      expect(await withTtl(0x8000_0000)).toBe(0)
      expect(await withTtl(0xffff_ffff)).toBe(0)
      expect(await withTtl(0x7fff_ffff)).toBe(DAY_MS)
      expect(await withTtl(86_401)).toBe(DAY_MS)
      expect(await withTtl(1)).toBe(1_000)
    })

    it('the number of records in an answer', async () => {
      const many = Array.from({ length: 5_000 }, () => ({
        type: 'NULL' as const,
        name: '.',
        ttl: 1,
        data: Buffer.alloc(0),
      }))
      const server = await start({
        udp: ({ query, send }) => send(truncatedTo(query)),
        tcp: (socket, query) => socket.end(withLength(replyTo(query, many))),
      })
      await expect(ask([server])).rejects.toMatchObject({
        code: 'MALFORMED',
        message: expect.stringContaining('has 5,000 records, of which 4,096 can be taken'),
      })
    })

    it('the time for names that are one pointer after another', async () => {
      const links = 8_000
      const server = await start({
        udp: ({ query, send }) => send(truncatedTo(query)),
        tcp(socket, query) {
          const head = replyTo(query, [])
          const chain = Buffer.alloc(11 + 2 * links)
          const first = head.length + 11
          chain.writeUInt16BE(65_000, 1)
          chain.writeUInt16BE(1, 3)
          chain.writeUInt16BE(2 * links, 9)
          for (let i = 0; i < links; i++)
            chain.writeUInt16BE(0xc000 | Math.max(first + 2 * (i - 1), 12), 11 + 2 * i)
          const record = Buffer.alloc(12)
          record.writeUInt16BE(0xc000 | Math.min(first + 2 * (links - 1), 0x3fff), 0)
          head.writeUInt16BE(3_900, 6)
          const records = Array.from({ length: 3_899 }, () => record)
          socket.end(withLength(Buffer.concat([head, chain, ...records])))
        },
      })
      await expect(ask([server])).rejects.toThrow('has a name with a bad pointer')
    })
  })

  describe('of A and AAAA', () => {
    it('fails where one of them fails, and does not wait for the other', async () => {
      const server = await startUdp(({ query, send }) => {
        if (query.questions?.[0]?.type === 'AAAA') send(replyWithCode(query, SERVFAIL))
      })
      await expect(ask([server], { type: 'A+AAAA' })).rejects.toMatchObject({ code: 'SERVFAIL' })
    })

    it('takes one that is refused as none where the other is answered, and fails where both are', async () => {
      const refusing = (types: readonly string[]) =>
        startUdp(({ query, send }) => {
          const isRefused = types.includes(query.questions?.[0]?.type ?? '')
          send(isRefused ? replyWithCode(query, REFUSED) : replyTo(query, [a('a.test', '10.0.0.1')]))
        })
      const one = await refusing(['AAAA'])
      expect(addresses(await ask([one], { type: 'A+AAAA' }))).toEqual(['10.0.0.1'])
      const both = await refusing(['A', 'AAAA'])
      await expect(ask([both], { type: 'A+AAAA' })).rejects.toMatchObject({ code: 'REFUSED' })
    })

    it('fails where one has no answer in time', async () => {
      const server = await startUdp(({ query, send }) => {
        if (query.questions?.[0]?.type === 'A') send(replyTo(query, [a('a.test', '10.0.0.1')]))
      })
      await expect(ask([server], { type: 'A+AAAA', timeoutMs: SHORT_MS })).rejects.toMatchObject({
        code: 'TIMEOUT',
      })
    })

    it('takes the least time to live, and each address once', async () => {
      const server = await startZone({
        'A a.test': [a('a.test', '10.0.0.1', 30), a('a.test', '10.0.0.1', 30)],
        'AAAA a.test': [aaaa('a.test', '2001:db8::1', 20)],
      })
      expect(await ask([server], { type: 'A+AAAA' })).toEqual({
        records: [{ address: '10.0.0.1' }, { address: '2001:db8::1' }],
        ttlMs: 20_000,
      })
    })

    it('writes IPv6 as RFC 5952 has it', async () => {
      const texts = [
        '::',
        '::1',
        'fd00::',
        '2001:db8:0:1:1:1:1:1',
        '2001:db8::1:0:0:1',
        '2001:0:0:1::',
        '1:2:3:4:5:6:7:8',
      ]
      const server = await startZone({ 'AAAA a.test': texts.map((text) => aaaa('a.test', text)) })
      expect(addresses(await ask([server], { type: 'AAAA' }))).toEqual(texts)
    })
  })

  describe('of SRV', () => {
    const name = '_http._tcp.a.test'
    const service = [srv(name, 'One.test', 80, 50), srv(name, 'two.test', 80, 50)]

    it('takes the addresses that come along where no target is without', async () => {
      const server = await startZone({ [`SRV ${name}`]: service }, [
        a('one.test', '10.0.0.1', 40),
        aaaa('one.test', 'fd00::1', 30),
        a('TWO.test', '10.0.0.2', 40),
      ])
      const answer = await ask([server], { name, type: 'SRV' })
      expect(addresses(answer)).toEqual(['10.0.0.1', 'fd00::1', '10.0.0.2'])
      expect(answer.records[0]).toEqual({
        address: '10.0.0.1',
        port: 80,
        priority: 1,
        weight: 1,
        target: 'one.test',
      })
      expect(answer.ttlMs).toBe(30_000)
      expect(server.asked).toHaveLength(1)
    })

    it('asks for all of them where one is', async () => {
      const zone = {
        [`SRV ${name}`]: service,
        'A one.test': [a('one.test', '10.0.0.1', 9)],
        'AAAA two.test': [aaaa('two.test', 'fd00::2', 8)],
      }
      const server = await startZone(zone, [a('one.test', '10.6.6.6')])
      const answer = await ask([server], { name, type: 'SRV' })
      expect(addresses(answer)).toEqual(['10.0.0.1', 'fd00::2'])
      expect(answer.ttlMs).toBe(8_000)
      expect(server.asked).toHaveLength(5)
    })

    it('fails where the addresses of a target cannot be had', async () => {
      const server = await startUdp(({ query, send }) => {
        const [question] = query.questions ?? []
        if (question?.type === 'SRV') send(replyTo(query, service))
        else if (question?.name === 'one.test') send(replyTo(query, [a('one.test', '10.0.0.1')]))
        else send(replyWithCode(query, SERVFAIL))
      })
      await expect(ask([server], { name, type: 'SRV' })).rejects.toMatchObject({
        code: 'SERVFAIL',
        hostname: 'two.test',
      })
    })

    it('leaves out port 0, and what is there twice', async () => {
      const more = [
        srv(name, 'one.test', 0),
        srv(name, 'one.test', 80),
        srv(name, 'one.test', 81),
        srv(name, '.', 80),
      ]
      const server = await startZone({ [`SRV ${name}`]: [...more, srv(name, 'twin.test', 80)] }, [
        a('one.test', '10.0.0.1'),
        a('twin.test', '10.0.0.1'),
      ])
      const { records } = await ask([server], { name, type: 'SRV' })
      expect(records.map(({ address, port }) => `${address}:${port}`)).toEqual(['10.0.0.1:80', '10.0.0.1:81'])
    })

    it('refuses a target that is no host name', async () => {
      const server = await startZone({ [`SRV ${name}`]: [srv(name, 'one.test/@evil', 80)] })
      await expect(ask([server], { name, type: 'SRV' })).rejects.toThrow(
        'has an SRV target that is no host name',
      )
    })

    it.each([
      ['come along', true],
      ['are asked for', false],
    ])('refuses targets with very many addresses that %s', async (_, along) => {
      const ports = Array.from({ length: 200 }, (_, i) => srv(name, along ? 'one.test' : `t${i}.test`, 1 + i))
      const hosts = Array.from({ length: 30 }, (_, i) => a('one.test', `10.0.0.${i}`))
      const server = await start({
        udp({ query, send }) {
          const [question] = query.questions ?? []
          if (question?.type === 'SRV') return send(truncatedTo(query))
          send(
            replyTo(
              query,
              question?.type === 'A' ? hosts.map((host) => ({ ...host, name: question.name })) : [],
            ),
          )
        },
        tcp: (socket, query) =>
          socket.end(withLength(replyTo(query, ports, { additionals: along ? hosts : [] }))),
      })
      await expect(ask([server], { name, type: 'SRV' })).rejects.toMatchObject({
        code: 'MALFORMED',
        message: expect.stringContaining('its targets have more than 4096 addresses together'),
      })
    })

    it('of very many targets asks for some at a time', async () => {
      const warnings: Error[] = []
      const onWarning = (warning: Error): number => warnings.push(warning)
      process.on('warning', onWarning)
      const targets = Array.from({ length: 300 }, (_, i) => srv(name, `t${i}.test`, 80))
      let open = 0
      let most = 0
      const server = await start({
        udp({ query, send }) {
          const [question] = query.questions ?? []
          if (question?.type === 'SRV') return send(truncatedTo(query))
          most = Math.max(most, ++open)
          setTimeout(() => {
            open--
            send(replyTo(query, question?.type === 'A' ? [a(question.name, '10.0.0.1')] : []))
          }, 1)
        },
        tcp: (socket, query) => socket.end(withLength(replyTo(query, targets))),
      })
      expect((await ask([server], { name, type: 'SRV' })).records).toHaveLength(1)
      expect(server.asked).toHaveLength(601 + 1)
      expect(most).toBeLessThanOrEqual(32)
      process.off('warning', onWarning)
      expect(warnings).toEqual([])
    })
  })

  describe('when it is aborted', () => {
    const reason = new Error('enough')

    it('before it begins, asks nobody', async () => {
      const server = await good()
      await expect(ask([server], {}, AbortSignal.abort(reason))).rejects.toBe(reason)
      expect(server.asked).toEqual([])
    })

    it.each<[string, LookupQuestion['type'], Script]>([
      ['UDP', 'A', {}],
      ['UDP for two types', 'A+AAAA', {}],
      ['TCP', 'A', { udp: ({ query, send }) => send(truncatedTo(query)) }],
      [
        'UDP for the targets of a service',
        'SRV',
        {
          udp({ query, send }) {
            const [question] = query.questions ?? []
            if (question?.type === 'SRV')
              send(replyTo(query, [srv('a.test', 'one.test', 1), srv('a.test', 'two.test', 1)]))
          },
        },
      ],
    ])('while it waits over %s, rejects at once and leaves nothing open', async (over, type, script) => {
      const server = await start(script)
      const abort = new AbortController()
      const sockets = openSockets()
      const lookup = ask([server], { type }, abort.signal)
      const questions = { A: over === 'TCP' ? 2 : 1, 'A+AAAA': 2, SRV: 5, AAAA: 1 }[type]
      await until(() => server.asked.length === questions)
      abort.abort(reason)
      await expect(lookup).rejects.toBe(reason)
      await until(() => server.connections.size === 0 && openSockets() <= sockets)
      // Nothing more is asked either.
      expect(server.asked).toHaveLength(questions)
    })
  })

  it('leaves no socket or listener behind', async () => {
    const server = await start({
      udp: ({ query, send }) => send(truncatedTo(query)),
      tcp: (socket, query) => socket.write(withLength(replyTo(query, [a('a.test', '10.0.0.1')]))),
    })
    const silent = await startUdp(() => {})
    const abort = new AbortController()
    let listeners = 0
    const { addEventListener, removeEventListener } = abort.signal
    abort.signal.addEventListener = (...args: unknown[]) => {
      listeners++
      return Reflect.apply(addEventListener, abort.signal, args)
    }
    abort.signal.removeEventListener = (...args: unknown[]) => {
      listeners--
      return Reflect.apply(removeEventListener, abort.signal, args)
    }
    const sockets = openSockets()
    await ask([server], { type: 'A+AAAA' }, abort.signal)
    await ask([server], { type: 'SRV' }, abort.signal).catch(() => {})
    await ask([silent, server], { timeoutMs: SHORT_MS }, abort.signal)
    await ask([silent], { timeoutMs: SHORT_MS }, abort.signal).catch(() => {})
    await until(() => server.connections.size === 0 && openSockets() <= sockets)
    expect(listeners).toBe(0)
  })

  it.each([
    [{ name: '' }, /is not a host name/],
    [{ name: 'a..test' }, /is not a host name/],
    [{ servers: [] }, /no DNS server to ask/],
    [{ servers: ['dns.test'] }, /is not the address of a DNS server/],
  ])('refuses %j', async (wrong, message) => {
    await expect(ask([], wrong)).rejects.toMatchObject({
      code: 'FAIRLEAD_ARGUMENT',
      message: expect.stringMatching(message),
    })
  })

  it('of random bytes makes an error or a time-out, never anything else', async () => {
    let junk: (scene: UdpScene) => Buffer = () => Buffer.alloc(0)
    const server = await start({
      udp: (scene) => scene.send(junk(scene)),
      tcp: (socket) => socket.end(withLength(Buffer.from('not a message'))),
    })
    const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array))
    const types = fc.constantFrom('A' as const, 'AAAA' as const, 'SRV' as const)
    await fc.assert(
      fc.asyncProperty(
        bytes,
        types,
        fc.constantFrom('all', 'after the id', 'after the question'),
        async (random, type, where) => {
          junk = ({ query }) => {
            if (where === 'all') return random
            const reply = replyTo(query, [], { id: query.id ?? 0 })
            if (where === 'after the id') return Buffer.concat([reply.subarray(0, 2), random])
            reply.set(random.subarray(0, 6), 6)
            return Buffer.concat([reply, random.subarray(6)])
          }
          const outcome = await ask([server], { type, timeoutMs: 5 }).then(
            () => 'an answer',
            (error) => (error instanceof DnsError ? error.code : error),
          )
          expect(outcome).toBeOneOf([
            'TIMEOUT',
            'MALFORMED',
            'NODATA',
            'NXDOMAIN',
            'SERVFAIL',
            'REFUSED',
            'FORMERR',
          ])
        },
      ),
      { numRuns: 150, seed: 20_260, endOnFailure: true },
    )
  })
})

/** Sockets of this process, those of the servers too: from the system, since Node does not count what is unref'd. */
const openSockets = (): number =>
  process.platform === 'linux' ? readdirSync('/proc/self/fd').filter(isSocket).length : 0

function isSocket(fd: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:')
  } catch {
    return false
  }
}
