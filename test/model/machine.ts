/** Shared memory and the threads on it, one access at a time. */
import * as workerThreads from 'node:worker_threads'

/** A thread of the model: pauses before each access that another thread could notice. */
export type Program = Generator<void, void, void>

type Cells = Int32Array | Uint32Array | Uint16Array | Uint8Array | Float64Array

/** What `pausing.ts` makes of the sources. */
// biome-ignore lint/suspicious/noExplicitAny: every function in it has become a generator
export type Sources = any

const WORD = 4
const BUFFER_WORDS = 2 ** 24
/** As in `lib/runtime/thread-ends.ts`, of a process with few threads. */
const NOTES_WORDS = 16
const NOTES_COUNT = 0
const NOTES_BITS = 1
const TICK_MS = 100
const MOST_ACCESSES = 100_000

/** A good mixture of two words, for hashes of states. */
function mix(a: number, b: number): number {
  let hash = Math.imul(a ^ (b + 0x9e3779b9), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

export class Thread {
  readonly id: number
  program: Program | undefined
  isKilled = false
  /** The word that it sleeps on. */
  sleepsOn = -1
  /** Of all that it has learnt from shared memory: two threads that have learnt the same do the same. */
  knows1 = 0
  knows2 = 0
  /** Its own copy of the sources, as every thread has. */
  readonly sources: Sources

  constructor(machine: Machine, id: number, code: string) {
    this.id = id
    this.sources = instantiate(machine, id, code)
  }

  get isDone(): boolean {
    return this.program === undefined
  }

  /** Between two calls: what it has learnt is in what it has kept. */
  keep(state: string): void {
    this.knows1 = 0
    this.knows2 = 1
    for (let i = 0; i < state.length; i++) this.learn(state.charCodeAt(i))
  }

  learn(value: number): void {
    this.knows1 = mix(this.knows1, value)
    this.knows2 = mix(this.knows2 ^ 0x5bd1e995, value)
  }
}

interface Shared {
  readonly words: Int32Array
  readonly initial: Int32Array
  readonly first: number
}

/** Who reads and writes a word, a bit for each thread. */
interface Use {
  readers: number
  writers: number
}

export class Machine {
  /** Words that two threads use, and one of them writes. The others need no pause: nobody could notice. */
  readonly contended = new Set<number>()
  /** Found since the threads began; the exploration starts anew with them. */
  news = 0
  readonly threads: Thread[] = []
  /** The thread that may be killed. */
  victim: Thread | undefined
  /** Who runs now. Without anybody nothing pauses and nothing is noted. */
  running: Thread | undefined
  hash1 = 0
  hash2 = 0
  /** On one way: no calls make so many accesses, and a thread that makes more goes round in circles. */
  mostAccesses = MOST_ACCESSES
  #clock = 0
  #accesses = 0
  readonly #shared = new Map<ArrayBufferLike, Shared>()
  readonly #uses = new Map<number, Use>()
  readonly #dirty = new Map<number, Shared>()
  /** Which threads have ended, as the real threads inherit it: the first word counts, the bits follow. */
  readonly notes = new SharedArrayBuffer(NOTES_WORDS * WORD)

  constructor() {
    this.share(this.notes)
    // Written by nobody's step.
    for (const index of [NOTES_COUNT, NOTES_BITS])
      this.contended.add(this.addressOf(new Int32Array(this.notes), index))
  }

  share(buffer: SharedArrayBuffer): void {
    const words = new Int32Array(buffer)
    const first = this.#shared.size * BUFFER_WORDS
    this.#shared.set(buffer, { words, initial: words.slice(), first })
  }

  /** What the memory holds now is what it starts with. */
  settle(): void {
    for (const { words, initial } of this.#shared.values()) initial.set(words)
    this.#dirty.clear()
  }

  /** Back to what the memory started with. */
  reset(): void {
    for (const [address, { words, initial, first }] of this.#dirty)
      words[address - first] = initial[address - first]
    this.#dirty.clear()
    this.hash1 = 0
    this.hash2 = 0
    this.#clock = 0
    this.#accesses = 0
  }

  /** ms. Stands still but for what is done before the threads begin, where a wait has to end. */
  now(): number {
    if (this.running === undefined) this.#clock += TICK_MS
    return this.#clock
  }

  /** Address of a shared word, -1 for memory of a thread's own. */
  addressOf(cells: Cells, index: number): number {
    const shared = this.#shared.get(cells.buffer)
    if (shared === undefined) return -1
    return shared.first + ((cells.byteOffset + index * cells.BYTES_PER_ELEMENT) >> 2)
  }

  isContended(address: number): boolean {
    return this.running !== undefined && this.contended.has(address)
  }

  noteUse(address: number, writes: boolean): void {
    if (++this.#accesses > this.mostAccesses) throw new Error('a thread goes round in circles')
    const { running } = this
    if (running === undefined) return
    let use = this.#uses.get(address)
    if (use === undefined) this.#uses.set(address, (use = { readers: 0, writers: 0 }))
    if (writes) use.writers |= 1 << running.id
    use.readers |= 1 << running.id
    const isShared = (use.readers & (use.readers - 1)) !== 0 && use.writers !== 0
    if (!isShared || this.contended.has(address)) return
    this.contended.add(address)
    this.news++
  }

  read(cells: Cells, index: number, address: number): number {
    const value = cells[index]
    if (address < 0) return value
    this.noteUse(address, false)
    if (this.contended.has(address)) this.running?.learn(value)
    return value
  }

  write(cells: Cells, index: number, address: number, value: number): void {
    if (address >= 0) {
      const shared = this.#shared.get(cells.buffer) as Shared
      this.noteUse(address, true)
      this.#dirty.set(address, shared)
      const place = Math.imul(address, WORD) + ((index * cells.BYTES_PER_ELEMENT) & (WORD - 1))
      const before = cells[index]
      cells[index] = value
      const after = cells[index]
      this.hash1 ^= mix(place, before) ^ mix(place, after)
      this.hash2 ^= mix(place ^ 0x2545f491, before) ^ mix(place ^ 0x2545f491, after)
    } else cells[index] = value
  }

  /** A thread ends where it stands. Its parent notes it. */
  kill(thread: Thread): void {
    thread.isKilled = true
    thread.program = undefined
    thread.sleepsOn = -1
    const words = new Int32Array(this.notes)
    this.write(words, NOTES_BITS, this.addressOf(words, NOTES_BITS), words[NOTES_BITS] | (1 << thread.id))
    this.write(words, NOTES_COUNT, this.addressOf(words, NOTES_COUNT), words[NOTES_COUNT] + 1)
  }

  /** Wakes up to `most` of those that sleep on a word: how many. */
  notify(address: number, most: number): number {
    let woken = 0
    for (const thread of this.threads) {
      if (thread.sleepsOn !== address || woken === most) continue
      thread.sleepsOn = -1
      woken++
    }
    return woken
  }
}

const CHANGES: Readonly<Record<string, (before: number, by: number) => number>> = {
  '+': (before, by) => before + by,
  '-': (before, by) => before - by,
}

function* delegate(result: unknown): Generator<void, unknown, void> {
  const generator = result as Partial<Program> | undefined
  return generator?.[Symbol.toStringTag as never] === 'Generator' ? yield* generator as Program : result
}

/** Element accesses and `Atomics` of one machine. */
function accesses(machine: Machine) {
  function* forget(access: Program): Generator<void, void, void> {
    const { running } = machine
    if (running === undefined) return void (yield* access)
    const { knows1, knows2 } = running
    yield* access
    running.knows1 = knows1 + 1
    running.knows2 = knows2
  }
  function* get(cells: Cells, index: number): Generator<void, number, void> {
    if (!ArrayBuffer.isView(cells)) return (cells as number[])[index]
    const address = machine.addressOf(cells, index)
    if (machine.isContended(address)) yield
    return machine.read(cells, index, address)
  }
  function* set(cells: Cells, index: number, value: number): Generator<void, number, void> {
    if (!ArrayBuffer.isView(cells)) return ((cells as number[])[index] = value)
    const address = machine.addressOf(cells, index)
    if (machine.isContended(address)) yield
    machine.write(cells, index, address, value)
    return value
  }
  /** A plain read, and a plain write: two accesses. */
  function* change(cells: Cells, index: number, by: string, value: number): Generator<void, number, void> {
    const before = yield* get(cells, index)
    yield* set(cells, index, CHANGES[by](before, value))
    return before
  }
  const modify = (next: (before: number, ...values: number[]) => number) =>
    function* (cells: Cells, index: number, ...values: number[]): Generator<void, number, void> {
      const address = machine.addressOf(cells, index)
      if (machine.isContended(address)) yield
      const before = machine.read(cells, index, address)
      const after = next(before, ...values)
      if (after !== before) machine.write(cells, index, address, after)
      else machine.noteUse(address, true)
      return before
    }
  const atomics = {
    load: get,
    store: set,
    add: modify((before, value) => before + value),
    sub: modify((before, value) => before - value),
    and: modify((before, value) => before & value),
    or: modify((before, value) => before | value),
    exchange: modify((_before, value) => value),
    compareExchange: modify((before, expected, value) => (before === (expected | 0) ? value : before)),
    /** Sleeps for ever: a time-out is no way to be woken. */
    *wait(cells: Int32Array, index: number, expected: number): Generator<void, string, void> {
      const address = machine.addressOf(cells, index)
      const thread = machine.running
      if (thread === undefined) return 'timed-out'
      yield
      if (machine.read(cells, index, address) !== expected) return 'not-equal'
      thread.sleepsOn = address
      yield
      return 'ok'
    },
    *notify(
      cells: Int32Array,
      index: number,
      most = Number.POSITIVE_INFINITY,
    ): Generator<void, number, void> {
      yield
      return machine.notify(machine.addressOf(cells, index), most)
    },
  }
  return { forget, get, set, change, atomics }
}

/** The sources as one thread has them. */
function instantiate(machine: Machine, id: number, code: string): Sources {
  const { forget, get, set, change, atomics } = accesses(machine)
  const module = { exports: {} as Sources }
  const modules: Record<string, unknown> = {
    'node:worker_threads': {
      ...workerThreads,
      threadId: id,
      isMainThread: false,
      getEnvironmentData: () => ({ lineage: [id], notes: machine.notes }),
      setEnvironmentData() {},
    },
  }
  const given = {
    module,
    exports: module.exports,
    require: (name: string) => modules[name] ?? process.getBuiltinModule?.(name),
    process: { on() {}, hrtime: () => [0, 0] },
    performance: { now: () => machine.now() },
    Math: Object.create(Math, { random: { value: () => 0.5 } }) as Math,
    Atomics: atomics,
    setTimeout: () => ({ unref() {} }),
    clearTimeout() {},
    FinalizationRegistry: class {
      register() {}
    },
    $run: delegate,
    $forget: forget,
    $get: get,
    $set: set,
    $change: change,
  }
  new Function(...Object.keys(given), code)(...Object.values(given))
  return module.exports
}
