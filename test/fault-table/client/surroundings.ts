/** Faults of the client process's own surroundings: descriptors, and the resolver, of which a mock takes the place. */
import dns, { type LookupAddress } from 'node:dns'
import { DescriptorHog } from '../descriptors.js'
import type { EndpointName } from '../row.js'

const LIVE: LookupAddress = { address: '127.0.0.1', family: 4 }
/** On loopback, and nobody listens there. */
const DEAD: LookupAddress = { address: '127.0.0.2', family: 4 }

/** The names of the endpoints; the mock answers for these. */
export const hostOf = (endpoint: EndpointName): string => `${endpoint}.test`

/** Addresses, an error code, or undefined: no answer ever. */
type Answer = readonly LookupAddress[] | string | undefined
const FAULTY_ANSWERS: Readonly<Record<string, Answer>> = {
  'dns-failing': 'ENOTFOUND',
  'dns-try-again': 'EAI_AGAIN',
  'dns-hanging': undefined,
  'dns-elsewhere': [DEAD],
  'dns-two-addresses': [DEAD, LIVE],
}

type Callback = (error: Error | null, ...found: unknown[]) => void
const faultyHosts = new Map<string, Answer>()

/** Takes the place of `dns.lookup`, which `net.connect` calls unless it is given another one. */
export function mockResolver(): void {
  const real = dns.lookup as (...given: unknown[]) => void
  const lookup = (host: string, options: { all?: boolean } | Callback, callback?: Callback): void => {
    if (!host.endsWith('.test')) return real(host, options, callback)
    const done = (callback ?? options) as Callback
    const all = typeof options === 'object' && options.all === true
    const answer = faultyHosts.has(host) ? faultyHosts.get(host) : [LIVE]
    if (answer !== undefined) setImmediate(() => give(host, answer, all, done))
  }
  dns.lookup = lookup as unknown as typeof dns.lookup
}

function give(host: string, answer: readonly LookupAddress[] | string, all: boolean, done: Callback): void {
  if (typeof answer === 'string') {
    const error = Object.assign(new Error(`getaddrinfo ${answer} ${host}`), { code: answer, hostname: host })
    done(error)
  } else if (all) done(null, answer)
  else done(null, answer[0].address, answer[0].family)
}

const hog = new DescriptorHog()

export function switchOn(fault: string, faulty: readonly EndpointName[]): void {
  if (fault === 'descriptors') return hog.take()
  if (!(fault in FAULTY_ANSWERS)) throw new Error(`no such fault of the surroundings: ${fault}`)
  for (const endpoint of faulty) faultyHosts.set(hostOf(endpoint), FAULTY_ANSWERS[fault])
}

export function switchOff(): void {
  hog.release()
  faultyHosts.clear()
}
