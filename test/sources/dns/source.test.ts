/** The source over a real DNS server: what becomes of its records. */
import { afterEach, expect, it } from 'vitest'
import { systemTimers } from '../../../lib/runtime/timers.js'
import { startDns } from '../../../lib/sources/dns.js'
import type { ResolvedDns } from '../../../lib/sources/options.js'
import type { RunningSource } from '../../../lib/sources/source.js'
import { until } from '../../support/until.js'
import { RecordingSink } from '../sink.js'
import { DNSMASQ, type Dnsmasq, startDnsmasq } from './dnsmasq.js'

let dns: Dnsmasq | undefined
let source: RunningSource | undefined

afterEach(async () => {
  source?.stop()
  await dns?.stop()
})

async function firstAnswer(
  records: readonly string[],
  options: Partial<ResolvedDns>,
): Promise<readonly unknown[]> {
  dns = await startDnsmasq(['--local=/internal/', ...records])
  const sink = new RecordingSink()
  const all: ResolvedDns = {
    name: 'a.internal',
    type: 'A+AAAA',
    addresses: 'all',
    scheme: 'http',
    timeout: 2_000,
    servers: [dns.address],
    ...options,
  }
  source = startDns(all, sink, systemTimers)
  await until(() => sink.answers.length + sink.errors.length > 0)
  expect(sink.errors).toEqual([])
  return sink.answers[0]
}

it.skipIf(DNSMASQ === undefined).each<[Partial<ResolvedDns>, string[], unknown[]]>([
  [
    {},
    ['--host-record=a.internal,10.0.0.1,fd00::1'],
    [{ url: 'http://10.0.0.1' }, { url: 'http://[fd00::1]' }],
  ],
  [
    { type: 'AAAA', port: 81 },
    ['--host-record=a.internal,10.0.0.1,fd00::1'],
    [{ url: 'http://[fd00::1]:81' }],
  ],
  [
    { scheme: 'https', port: 8443, common: { weight: 2, zone: 'a' } },
    ['--host-record=a.internal,10.0.0.1'],
    [{ url: 'https://10.0.0.1:8443', weight: 2, zone: 'a' }],
  ],
  [
    { type: 'SRV' },
    ['--host-record=b.internal,10.0.0.1', '--srv-host=a.internal,b.internal,81,65535,0'],
    [{ url: 'http://10.0.0.1:81', weight: 1, priority: 127 }],
  ],
])('%j', async (options, records, expected) => {
  expect(await firstAnswer(records, options)).toEqual(expected)
})
