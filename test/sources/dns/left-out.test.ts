/** Addresses that a foreign DNS server gives and that are not wanted. */
import packet, { type Answer } from 'dns-packet'
import { afterEach, expect, it } from 'vitest'
import { systemTimers } from '../../../lib/runtime/timers.js'
import { startDns } from '../../../lib/sources/dns.js'
import type { ResolvedDns } from '../../../lib/sources/options.js'
import type { RunningSource } from '../../../lib/sources/source.js'
import { until } from '../../support/until.js'
import { RecordingSink } from '../sink.js'
import { replyTo, type Scripted, startScripted } from './scripted-server.js'

let server: Scripted | undefined
let source: RunningSource | undefined

afterEach(async () => {
  source?.stop()
  await server?.close()
})

async function start(answers: Answer[], options: Partial<ResolvedDns>): Promise<RecordingSink> {
  server = await startScripted({
    udp: ({ query, send }) => {
      const { type } = query.questions?.[0] ?? {}
      send(
        replyTo(
          query,
          answers.filter((answer) => answer.type === type),
        ),
      )
    },
  })
  const sink = new RecordingSink()
  const all: ResolvedDns = {
    name: 'a.test',
    port: 80,
    type: 'A+AAAA',
    scheme: 'http',
    addresses: 'all',
    timeout: 2_000,
    servers: [server.address],
    ...options,
  }
  source = startDns(all, sink, systemTimers)
  await until(() => sink.answers.length + sink.errors.length > 0)
  return sink
}

const a = (data: string): Answer => ({ type: 'A', name: 'a.test', data, ttl: 60 })
const aaaa = (data: string): Answer => ({ type: 'AAAA', name: 'a.test', data, ttl: 60 })
const urls = ({ answers }: RecordingSink): string[] => (answers[0] as { url: string }[]).map(({ url }) => url)

it('are left out and told, with the reason, and the others count', async () => {
  const sink = await start([a('8.8.8.8'), a('10.0.0.1'), a('127.0.0.1'), aaaa('::1')], {
    addresses: 'public',
  })
  expect(urls(sink)).toEqual(['http://8.8.8.8:80'])
  expect(sink.leftOut).toEqual([
    'DNS gives addresses of "a.test" that are left out, 3 of 4: 10.0.0.1 is private, 127.0.0.1 is of this machine (loopback), ::1 is of this machine (loopback); check the zone, or the option `addresses`',
  ])
  expect(sink.errors).toEqual([])
})

it('are a failure where no other is there', async () => {
  const sink = await start([a('127.0.0.1')], { addresses: 'private' })
  expect(sink.answers).toEqual([])
  expect(sink.errors[0]).toMatch(
    /^DNS gives addresses of "a\.test" that are left out, all: 127\.0\.0\.1 is of this/,
  )
})

it('are in force where all are wanted, but for those that are no host', async () => {
  const sink = await start(
    [a('127.0.0.1'), a('0.0.0.0'), a('224.0.0.1'), a('255.255.255.255'), aaaa('::')],
    {},
  )
  expect(urls(sink)).toEqual(['http://127.0.0.1:80'])
  expect(sink.leftOut[0]).toContain(
    '4 of 5: 0.0.0.0 stands for no host, 224.0.0.1 is of many hosts (multicast)',
  )
})

it('are told in short where they are many', async () => {
  const many = Array.from({ length: 60 }, (_, i) => a(`10.0.0.${i}`))
  const sink = await start([a('8.8.8.8'), ...many], { addresses: 'public' })
  expect(sink.leftOut[0]).toMatch(
    /60 of 61: (10\.0\.0\.\d is private, ){4}10\.0\.0\.4 is private, and 55 more; check/,
  )
})

it('are left out behind SRV records as well', async () => {
  const srv: Answer = {
    type: 'SRV',
    name: 'a.test',
    ttl: 60,
    data: { target: 'b.test', port: 81, priority: 0, weight: 1 },
  }
  server = await startScripted({
    udp: ({ query, send }) => {
      const additionals: Answer[] = ['8.8.8.8', '169.254.169.254'].map(
        (data) => ({ ...a(data), name: 'b.test' }) as Answer,
      )
      send(replyTo(query, [srv], { additionals, flags: packet.AUTHORITATIVE_ANSWER }))
    },
  })
  const sink = new RecordingSink()
  const options: ResolvedDns = {
    name: 'a.test',
    type: 'SRV',
    scheme: 'http',
    addresses: 'public',
    timeout: 2_000,
    servers: [server.address],
  }
  source = startDns(options, sink, systemTimers)
  await until(() => sink.answers.length > 0)
  expect(urls(sink)).toEqual(['http://8.8.8.8:81'])
  expect(sink.leftOut[0]).toContain('169.254.169.254 is of this link (link-local)')
})
