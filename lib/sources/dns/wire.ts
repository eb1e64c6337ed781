/**
 * Reads the records of a DNS message (RFC 1035, section 4). By hand, since dns-packet's reader follows pointers without a
 * bound: one answer of 64 KiB can hold the thread for half a second. It also refuses an answer because of a record that
 * nobody asked for; here those are passed over by their length.
 */
import { malformed } from './errors.js'
import { isName } from './names.js'

const TYPES = { 1: 'A', 5: 'CNAME', 6: 'SOA', 28: 'AAAA', 33: 'SRV', 41: 'OPT' } as const
const CLASS_INTERNET = 1
const MAX_NAME_BYTES = 255
/** A name of 255 bytes has at most 127 labels, so that it takes no more pointers. */
const MAX_POINTERS = 127
const MAX_TTL_SECONDS = 86_400
const IPV4_BYTES = 4
/** Of a SOA record: serial, refresh, retry and expire. */
const NUMBERS_BEFORE_MINIMUM = 4
const IPV6_BYTES = 16

interface Owned {
  /** In lower case, as all names here. */
  readonly name: string
  readonly ttlMs: number
}
export type AddressRecord = Owned & { readonly type: 'A' | 'AAAA'; readonly address: string }
export type AliasRecord = Owned & { readonly type: 'CNAME'; readonly target: string }
export type ServiceRecord = Owned & {
  readonly type: 'SRV'
  readonly priority: number
  readonly weight: number
  readonly port: number
  /** Empty where it is the root: there is no such service. */
  readonly target: string
}
/** Of EDNS: the upper 8 bits of the response code (RFC 6891). */
export type OptionsRecord = Owned & { readonly type: 'OPT'; readonly codeHigh: number }
/** Of a zone; its time to live is that of what the zone does not have (RFC 2308, section 5). */
export type ZoneRecord = Owned & { readonly type: 'SOA' }
export type WireRecord = AddressRecord | AliasRecord | ServiceRecord | OptionsRecord | ZoneRecord

/** Reads from front to back; throws a `ServerFault` where the bytes are not what they should be. */
export class MessageReader {
  readonly #bytes: Buffer
  #at: number

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  u16(): number {
    return this.#bytes.readUInt16BE(this.#skip(2))
  }

  u32(): number {
    return this.#bytes.readUInt32BE(this.#skip(4))
  }

  /** Without the dot at the end; the root is empty. A byte that is in no host name comes as `\ddd`, like in a zone file. */
  name(): string {
    const bytes = this.#bytes
    const labels: string[] = []
    let at = this.#at
    let segment = at
    let length = 1
    let pointers = 0
    for (;;) {
      const size = bytes[at]
      if (size === undefined) throw malformed('ends within a name')
      if (size >= 0xc0) {
        const target = (size & 0x3f) * 256 + (bytes[at + 1] ?? Number.NaN)
        if (pointers === 0) this.#at = at + 2
        // Only backwards, as section 4.1.4 has it: so that no pointer can lead to itself.
        if (!(target < segment) || ++pointers > MAX_POINTERS) throw malformed('has a name with a bad pointer')
        at = segment = target
        continue
      }
      if (size >= 0x40) throw malformed('has a name with a label of no known kind')
      at++
      if (size === 0) break
      length += size + 1
      if (length > MAX_NAME_BYTES || at + size > bytes.length)
        throw malformed('has a name that is longer than names are')
      labels.push(labelText(bytes.toString('latin1', at, at + size)))
      at += size
    }
    if (pointers === 0) this.#at = at
    return labels.join('.')
  }

  /** Undefined for a record of another class, or of a type that is not looked for. */
  record(): WireRecord | undefined {
    const name = this.name()
    const type = TYPES[this.u16() as keyof typeof TYPES]
    const internet = this.u16() === CLASS_INTERNET
    const ttl = this.u32()
    const size = this.u16()
    const start = this.#skip(size)
    const end = this.#at
    if (type === 'OPT') return { type, name, ttlMs: 0, codeHigh: ttl >>> 24 }
    if (type === undefined || !internet) return undefined
    this.#at = start
    if (type === 'SOA') return this.#zone(name, ttl, end)
    const record = this.#data(type, name, ttlMs(ttl), size)
    if (this.#at !== end) throw malformed(`has ${type} data that is not as long as it says`)
    return record
  }

  /** Nobody has asked for it: one that is wrong is passed over. */
  #zone(name: string, ttl: number, end: number): ZoneRecord | undefined {
    try {
      this.name()
      this.name()
      for (let i = 0; i < NUMBERS_BEFORE_MINIMUM; i++) this.u32()
      const minimum = this.u32()
      return this.#at === end ? { type: 'SOA', name, ttlMs: Math.min(ttlMs(ttl), ttlMs(minimum)) } : undefined
    } catch {
      return undefined
    } finally {
      this.#at = end
    }
  }

  #data(type: 'A' | 'AAAA' | 'CNAME' | 'SRV', name: string, ttlMs: number, size: number): WireRecord {
    if (type === 'CNAME') return { type, name, ttlMs, target: this.name() }
    if (type === 'SRV') {
      const [priority, weight, port, target] = [this.u16(), this.u16(), this.u16(), this.name()]
      if (target !== '' && !isName(target)) throw malformed('has an SRV target that is no host name')
      return { type, name, ttlMs, priority, weight, port, target }
    }
    if (size !== (type === 'A' ? IPV4_BYTES : IPV6_BYTES))
      throw malformed(`has an ${type} record of ${size} bytes`)
    const bytes = this.#bytes.subarray(this.#skip(size), this.#at)
    return { type, name, ttlMs, address: type === 'A' ? bytes.join('.') : ipv6Text(bytes) }
  }

  /** Gives where it was. */
  #skip(size: number): number {
    const at = this.#at
    if (at + size > this.#bytes.length) throw malformed('ends before its last record')
    this.#at = at + size
    return at
  }
}

const labelText = (label: string): string =>
  label.replace(/[^A-Za-z0-9_-]/g, (byte) => `\\${String(byte.charCodeAt(0)).padStart(3, '0')}`).toLowerCase()

/** RFC 2181, section 8: one with the top bit set counts as zero. */
const ttlMs = (seconds: number): number =>
  seconds >= 2 ** 31 ? 0 : Math.min(seconds, MAX_TTL_SECONDS) * 1_000

/** RFC 5952: the longest run of zero groups, the first of equals, is left out. */
function ipv6Text(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16))
  let best = { from: 0, length: 1 }
  for (let from = 0, to = 0; from < groups.length; from = to + 1) {
    for (to = from; groups[to] === '0'; ) to++
    if (to - from > best.length) best = { from, length: to - from }
  }
  if (best.length === 1) return groups.join(':')
  return `${groups.slice(0, best.from).join(':')}::${groups.slice(best.from + best.length).join(':')}`
}
