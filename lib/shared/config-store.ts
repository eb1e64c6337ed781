import { crc32 } from 'node:zlib'
import { CONFIG_PAGES, HEADER } from '../engine/layout.js'
import { MAX_PAGE_BYTES, type Page } from '../engine/memory.js'
import { ConfigError, HandleError } from '../errors.js'

/** Bits of the head's low word: length in bytes, and above them the page. */
const LENGTH_BITS = 28n
const LENGTH_MASK = (1n << LENGTH_BITS) - 1n
const PAGE_MASK = 0xfn
const VERSION_SHIFT = 32n
/** Before each record: its length in bytes, and its CRC-32. */
const PREFIX_BYTES = 8
const CHECKSUM_AT = 4
/** Bit of a record's length: it says what the version before it said, so that whoever has that one need not read it. */
const RESTATES = 0x8000_0000
/** A page has room for a whole configuration and a change. */
const MAX_RECORD_BYTES = MAX_PAGE_BYTES / 2 - PREFIX_BYTES
/** Pages grow by whole multiples of this, in bytes. */
const GROWTH_BYTES = 65_536
/** A page is begun anew once its changes take more than twice its first record and this, in bytes. */
const SLACK_BYTES = 65_536
/** Another thread writes a page within microseconds; see `#takePage`. */
const PAGE_WAIT_MS = 1
const PAGE_ROUNDS = 2_000

interface Head {
  readonly version: number
  readonly page: number
  readonly length: number
}

/**
 * The balancer's configuration in shared memory, so that a thread can attach to the newest one without waiting for
 * another, and any thread can change it.
 *
 * A page holds records: a whole configuration, then changes of it. One 64-bit word, CONFIG_HEAD, says which page is in
 * force, up to which byte, and the version, which grows by one with each record. A record is written first and then
 * published by one exchange of that word, which fails where another thread was first. A change goes to the end of the
 * page in force, a whole configuration to another page; who writes a page owns it meanwhile, so nothing waits for a
 * thread that ended while it wrote: the next whole configuration goes elsewhere. (K1 to K6)
 */
export class ConfigStore {
  readonly #root: Int32Array
  readonly #head: BigInt64Array
  readonly #pages: readonly Page[]
  readonly #token: number
  /** The head up to which everything was read, or was published by this thread. */
  #seen = 0n
  /** The head that was looked at last: another one than `#seen` where what it names could not be read. */
  #looked = 0n
  /** PAGE_FILL of the page read last. */
  #fill = 0
  /** Bytes of that page's first record. */
  #wholeBytes = 0

  constructor(root: Int32Array<SharedArrayBuffer>, pages: readonly Page[], token: number) {
    this.#root = root
    this.#head = new BigInt64Array(root.buffer, HEADER.CONFIG_HEAD * root.BYTES_PER_ELEMENT, 1)
    this.#pages = pages
    this.#token = token
  }

  /** Of what this thread has read last, or published. */
  get version(): number {
    return unpack(this.#seen).version
  }

  /** Whether there is something to read. */
  get isBehind(): boolean {
    return Atomics.load(this.#head, 0) !== this.#looked // (K1) has somebody published since?
  }

  /** Whether the configuration in force could not be read. The next one that is published can. */
  get isUnreadable(): boolean {
    return this.#looked !== this.#seen
  }

  /**
   * All records since the last call, oldest first, as `parse` reads them. A whole configuration comes first where the page
   * is another one. Throws a `HandleError` where the memory was damaged, or `parse` does: once for each configuration, and
   * then goes on from where it was.
   */
  read<Read>(parse: (record: Uint8Array) => Read): Read[] {
    for (;;) {
      const packed = Atomics.load(this.#head, 0) // (K1) what it names is written: published by (K6)
      if (packed === this.#looked) return []
      const { page, length, version } = unpack(packed)
      this.#looked = packed
      if (page >= CONFIG_PAGES || length > this.#pages[page].byteLength)
        throw damaged(`its head names ${length} bytes of page ${page}`)
      // (K2) Which version the page begins with, before it is read.
      const fill = Atomics.load(this.#root, HEADER.PAGE_FILL + page)
      const before = unpack(this.#seen)
      const goesOn = this.#seen !== 0n && before.page === page && this.#fill === fill
      const from = goesOn ? before.length : 0
      if (from >= length) throw damaged(`its head names the bytes from ${from} to ${length}`)
      const bytes = new Uint8Array(length - from)
      bytes.set(new Uint8Array(this.#pages[page], from, length - from))
      // Is the page still what it was when it was in force? A later fill has a later version. (K2)
      const isIntact =
        Atomics.load(this.#root, HEADER.PAGE_FILL + page) === fill && ((version - fill) | 0) >= 0
      if (!isIntact) {
        if (Atomics.load(this.#head, 0) === packed)
          throw damaged('its head names a page that begins with a later one')
        continue
      }
      const records = split(bytes)
      if (!goesOn) this.#wholeBytes = records[0].length
      const isKnown = !goesOn && this.#seen !== 0n && restates(bytes) && ((before.version + 1) | 0) === fill
      const parsed = (isKnown ? records.slice(1) : records).map(parse)
      this.#seen = packed
      this.#fill = fill
      return parsed
    }
  }

  /**
   * Adds a change to the page in force. `full`: the page has no room, or its owner is away; a whole configuration is to
   * be published before. `lost`: another thread was first, and its record is to be read before.
   */
  append(record: Uint8Array): 'done' | 'full' | 'lost' {
    const { page, length, version } = unpack(this.#seen)
    refuseTooLarge(record)
    if (this.isUnreadable) return 'full'
    const end = length + PREFIX_BYTES + record.length
    // One more always fits after a whole configuration, however large it is.
    if (length > 3 * this.#wholeBytes + SLACK_BYTES || end > MAX_PAGE_BYTES) return 'full'
    const owner = HEADER.PAGE_OWNER + page
    // (K3) One thread writes a page.
    if (Atomics.compareExchange(this.#root, owner, 0, this.#token) !== 0) return 'full'
    try {
      if (this.isBehind) return 'lost'
      this.#write(page, length, record)
      return this.#publish({ page, length: end, version: (version + 1) >>> 0 }) ? 'done' : 'lost'
    } finally {
      Atomics.store(this.#root, owner, 0) // (K3) the page is free for others
    }
  }

  /** As `replace`, of the configuration that is in force: threads that have it go on behind it, and read it not again. */
  restate(record: Uint8Array): boolean {
    return this.#replace(record, !this.isUnreadable)
  }

  /** Puts a whole configuration into force; false where another thread was first. Throws `ConfigError` where it is too large. */
  replace(record: Uint8Array): boolean {
    return this.#replace(record, false)
  }

  #replace(record: Uint8Array, isRestated: boolean): boolean {
    refuseTooLarge(record)
    const end = PREFIX_BYTES + record.length
    const page = this.#takePage()
    const version = (unpack(this.#looked).version + 1) >>> 0
    try {
      if (this.isBehind) return false
      // (K2) Before the first byte: who reads the page finds out.
      Atomics.store(this.#root, HEADER.PAGE_FILL + page, version | 0)
      this.#write(page, 0, record, isRestated)
      if (!this.#publish({ page, length: end, version })) return false
      this.#fill = version | 0
      this.#wholeBytes = record.length
      return true
    } finally {
      Atomics.store(this.#root, HEADER.PAGE_OWNER + page, 0) // (K3) the page is free for others
    }
  }

  /** Takes the pages from a thread that has ended while it wrote them. (K3) */
  releasePages(token: number): void {
    for (let page = 0; page < CONFIG_PAGES; page++)
      Atomics.compareExchange(this.#root, HEADER.PAGE_OWNER + page, token, 0)
  }

  /** A page that is not in force. Waits only while all of them are being written. */
  #takePage(): number {
    for (let round = 0; round < PAGE_ROUNDS; round++) {
      for (let page = 0; page < CONFIG_PAGES; page++) {
        const owner = HEADER.PAGE_OWNER + page
        // (K3) Of several cleaners one.
        if (Atomics.compareExchange(this.#root, owner, 0, this.#token) !== 0) continue
        // Only its owner could put it into force, and that is this thread now. (K4)
        const head = Atomics.load(this.#head, 0)
        if (head === 0n || unpack(head).page !== page) return page
        Atomics.store(this.#root, owner, 0)
      }
      const last = HEADER.PAGE_OWNER + CONFIG_PAGES - 1
      Atomics.wait(this.#root, last, Atomics.load(this.#root, last), PAGE_WAIT_MS)
    }
    throw new HandleError(
      `All ${CONFIG_PAGES} pages of this balancer's shared configuration have been in the hands of other threads for ${PAGE_ROUNDS * PAGE_WAIT_MS} ms`,
    )
  }

  #write(page: number, at: number, record: Uint8Array, isRestated = false): void {
    const memory = this.#pages[page]
    const end = at + PREFIX_BYTES + record.length
    if (memory.byteLength < end) memory.grow(Math.min(MAX_PAGE_BYTES, roundedUp(end)))
    const prefix = new DataView(memory)
    prefix.setUint32(at, isRestated ? record.length + RESTATES : record.length)
    prefix.setUint32(at + CHECKSUM_AT, crc32(record))
    new Uint8Array(memory, at + PREFIX_BYTES, record.length).set(record) // (K5) plain: published by (K6)
  }

  #publish(head: Head): boolean {
    const packed = pack(head)
    // (K6) Of two changes on one version one is in force.
    if (Atomics.compareExchange(this.#head, 0, this.#looked, packed) !== this.#looked) return false
    this.#seen = packed
    this.#looked = packed
    return true
  }
}

function refuseTooLarge({ length }: Uint8Array): void {
  if (length <= MAX_RECORD_BYTES) return
  const message = `takes ${length} bytes; threads can share ${MAX_RECORD_BYTES}`
  throw new ConfigError([{ path: '', message }])
}

const roundedUp = (bytes: number): number => Math.ceil(bytes / GROWTH_BYTES) * GROWTH_BYTES

const pack = ({ version, page, length }: Head): bigint =>
  BigInt.asIntN(64, (BigInt(version) << VERSION_SHIFT) | (BigInt(page) << LENGTH_BITS) | BigInt(length))

const unpack = (packed: bigint): Head => ({
  version: Number(BigInt.asUintN(32, packed >> VERSION_SHIFT)),
  page: Number((packed >> LENGTH_BITS) & PAGE_MASK),
  length: Number(packed & LENGTH_MASK),
})

const restates = (bytes: Uint8Array): boolean => (new DataView(bytes.buffer).getUint32(0) & RESTATES) !== 0

const damaged = (what: string): HandleError =>
  new HandleError(`The configuration that this balancer's threads share was damaged: ${what}`)

/** Throws a `HandleError` unless the bytes are whole records, as they were written. */
function split(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer)
  const records: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const begin = at + PREFIX_BYTES
    const end = begin <= bytes.length ? begin + (view.getUint32(at) & ~RESTATES) : begin
    if (end > bytes.length) throw damaged(`a record goes on for ${end - bytes.length} bytes beyond its end`)
    const record = bytes.subarray(begin, end)
    if (crc32(record) !== view.getUint32(at + CHECKSUM_AT)) throw damaged('a record is not what was written')
    records.push(record)
    at = end
  }
  return records
}
