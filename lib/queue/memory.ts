import { ArgumentError, HandleError } from '../errors.js'
import { bytesOf, fieldsOf, isFixedMemory, show } from '../runtime/foreign.js'
import {
  LANE,
  laneWord,
  QUEUE_HEADER,
  QUEUE_LAYOUT_VERSION,
  QUEUE_MAGIC,
  QUEUE_SIZES,
  type QueueGeometry,
  queueGeometry,
  queueLayoutFingerprint,
} from './layout.js'

export type QueueEngineKind = 'native' | 'fallback'

/** What a queue holds. */
export interface QueueKind {
  readonly type: 'fairlead.ticket-queue' | 'fairlead.request-queue'
  readonly name: 'TicketQueue' | 'RequestQueue'
}

export const TICKETS: QueueKind = { type: 'fairlead.ticket-queue', name: 'TicketQueue' }
export const REQUESTS: QueueKind = { type: 'fairlead.request-queue', name: 'RequestQueue' }

/**
 * A queue as plain data: goes through `workerData` and `postMessage` to other threads of this process.
 * The fields are for `TicketQueue.attach`; nothing else should read them.
 */
export interface TicketQueueHandle extends QueueHandle {
  readonly type: 'fairlead.ticket-queue'
}

export interface QueueHandle {
  readonly type: QueueKind['type']
  readonly version: number
  readonly engine: QueueEngineKind
  readonly memory: SharedArrayBuffer
}

const HANDLE_FIELDS = ['type', 'version', 'engine', 'memory'] as const
const MASK_16 = 0xffff

/**
 * Views of a queue's shared memory, and the numbers that its addresses are made of.
 *
 * Whoever has the handle can write to the memory, so no number that is read from it becomes part of an address, or the
 * number of rounds of a loop, unbounded: the geometry is read once, and the methods that read a lane's, a holder's or a
 * block's number bound it.
 */
export class QueueMemory {
  readonly words: Int32Array<SharedArrayBuffer>
  readonly doubles: Float64Array<SharedArrayBuffer>
  /** Tickets: block `b` holds those from `b << blockShift`. */
  readonly items: Uint32Array<SharedArrayBuffer>
  readonly geometry: QueueGeometry
  readonly #directory: Uint16Array<SharedArrayBuffer>
  readonly #lastBlock: number
  readonly capacity: number
  readonly blocks: number
  readonly blockShift: number
  readonly blockMask: number
  readonly directoryShift: number
  readonly directoryMask: number
  /** Tells this queue from every other of the process. */
  readonly id: string

  /** `geometry` is what the memory was formatted for, or was checked to have. */
  constructor(buffer: SharedArrayBuffer, geometry: QueueGeometry) {
    this.words = new Int32Array(buffer)
    this.doubles = new Float64Array(buffer)
    this.geometry = geometry
    this.#directory = new Uint16Array(
      buffer,
      geometry.directoryWord * 4,
      QUEUE_SIZES.LANES << geometry.directoryShift,
    )
    const items = geometry.slotBytes === 0 ? geometry.blocks << geometry.blockShift : 0
    this.items = new Uint32Array(buffer, geometry.itemsWord * 4, items)
    this.capacity = geometry.capacity
    this.blocks = geometry.blocks
    this.#lastBlock = geometry.blocks - 1
    this.blockShift = geometry.blockShift
    this.blockMask = (1 << geometry.blockShift) - 1
    this.directoryShift = geometry.directoryShift
    this.directoryMask = (1 << geometry.directoryShift) - 1
    this.id = `${this.words[QUEUE_HEADER.ID]}:${this.words[QUEUE_HEADER.ID + 1]}`
  }

  get engine(): QueueEngineKind {
    return this.words[QUEUE_HEADER.ENGINE] === 1 ? 'native' : 'fallback'
  }

  get kind(): QueueKind {
    return kindOf(this.geometry.slotBytes)
  }

  get handle(): QueueHandle {
    const { type } = this.kind
    return { type, version: QUEUE_LAYOUT_VERSION, engine: this.engine, memory: this.words.buffer }
  }

  /** Lanes that were ever taken, at most as many as there are. */
  lanesUsed(): number {
    return Math.min(Atomics.load(this.words, QUEUE_HEADER.LANES_USED) >>> 0, QUEUE_SIZES.LANES)
  }

  /** Blocks that were ever used, at most as many as there are. */
  blocksUsed(): number {
    return Math.min(Atomics.load(this.words, QUEUE_HEADER.FIRST_UNUSED) >>> 0, this.blocks)
  }

  /** The block that holds a position of a lane. */
  blockAt(lane: number, position: number): number {
    const block = this.#directory[this.#entry(lane, position)]
    return block < this.#lastBlock ? block : this.#lastBlock
  }

  setBlockAt(lane: number, position: number, block: number): void {
    this.#directory[this.#entry(lane, position)] = block
  }

  /** The block that takes the next items of a lane; `at` is the lane's first word. */
  ownBlock(at: number): number {
    const block = this.words[at + LANE.BLOCK]
    return block >>> 0 < this.#lastBlock ? block : this.#lastBlock
  }

  /** Blocks that a lane can have at most: entries of its directory. */
  get blocksOfLane(): number {
    return this.directoryMask + 1
  }

  #entry(lane: number, position: number): number {
    return (lane << this.directoryShift) + ((position >>> this.blockShift) & this.directoryMask)
  }

  /** Items of a lane that were accepted and not yet published: at most a block. `at` is the lane's first word. */
  unpublished(at: number): number {
    return (
      ((Atomics.load(this.words, at + LANE.CREDIT) >>> 16) - Atomics.load(this.words, at + LANE.TAIL)) &
      MASK_16
    )
  }
}

/** The memory of a queue of tickets. */
export class TicketMemory extends QueueMemory {
  override get handle(): TicketQueueHandle {
    return { ...super.handle, type: 'fairlead.ticket-queue' }
  }
}

const kindOf = (slotBytes: number): QueueKind => (slotBytes === 0 ? TICKETS : REQUESTS)

/**
 * Allocates and formats the memory of a queue of tickets.
 * @param start position at which the lanes start, a multiple of 256; tests set it just before the wrap
 */
export function createQueueMemory(capacity: number, engine: QueueEngineKind, start = 0): TicketMemory {
  checkCapacity(capacity)
  const geometry = queueGeometry(capacity)
  return new TicketMemory(formatMemory(geometry, engine, start), geometry)
}

/** Throws an ArgumentError. */
export function checkCapacity(capacity: number): void {
  if (Number.isInteger(capacity) && capacity >= 1 && capacity <= QUEUE_SIZES.MAX_CAPACITY) return
  throw new ArgumentError(
    `capacity is ${show(capacity)}; it takes a whole number of items from 1 to ${QUEUE_SIZES.MAX_CAPACITY}`,
  )
}

/** Memory of a queue that holds nothing. Pages that are never touched cost address space only. */
export function formatMemory(
  geometry: QueueGeometry,
  engine: QueueEngineKind,
  start: number,
): SharedArrayBuffer {
  const words = new Int32Array(new SharedArrayBuffer(geometry.words * 4))
  words[QUEUE_HEADER.VERSION] = QUEUE_LAYOUT_VERSION
  words[QUEUE_HEADER.FINGERPRINT] = queueLayoutFingerprint()
  words[QUEUE_HEADER.ENGINE] = engine === 'native' ? 1 : 0
  words[QUEUE_HEADER.CAPACITY] = geometry.capacity
  words[QUEUE_HEADER.SLOT_BYTES] = geometry.slotBytes
  words[QUEUE_HEADER.BLOCK_SHIFT] = geometry.blockShift
  words[QUEUE_HEADER.BLOCKS] = geometry.blocks
  words[QUEUE_HEADER.DIRECTORY_SHIFT] = geometry.directoryShift
  words[QUEUE_HEADER.START] = start
  words.set(crypto.getRandomValues(new Int32Array(2)), QUEUE_HEADER.ID)
  if (start !== 0) {
    for (let lane = 0; lane < QUEUE_SIZES.LANES; lane++) {
      const at = laneWord(lane)
      words[at + LANE.HEAD] = start
      words[at + LANE.TAIL] = start
      words[at + LANE.RECLAIMED] = start
      words[at + LANE.CREDIT] = start << 16
      words[at + LANE.BLOCK_END] = start
      words[at + LANE.PROBE_SINCE] = start
    }
  }
  Atomics.store(words, QUEUE_HEADER.MAGIC, QUEUE_MAGIC)
  return words.buffer
}

/** The memory behind a handle, for an engine of the given kind; throws a HandleError that says what is wrong with it. */
export function openQueueMemory(handle: unknown, engine: QueueEngineKind): TicketMemory {
  const { memory, geometry } = checkHandle(handle, engine, TICKETS)
  return new TicketMemory(memory, geometry)
}

/** What a handle stands for. */
interface CheckedMemory {
  readonly memory: SharedArrayBuffer
  readonly geometry: QueueGeometry
}

/** The memory behind the handle of a queue of the given kind; throws a HandleError that says what is wrong with it. */
export function checkHandle(handle: unknown, engine: QueueEngineKind, kind: QueueKind): CheckedMemory {
  const { name } = kind
  const other = kind === TICKETS ? REQUESTS : TICKETS
  const fields = fieldsOf(handle, HANDLE_FIELDS)
  const type = fields?.type
  if (type === other.type) {
    throw new HandleError(
      `This is the handle of a ${other.name}, not of a ${name}; ${other.name}.attach takes it`,
    )
  }
  if (fields === undefined || type !== kind.type)
    throw new HandleError(`This is not the handle of a ${name}: ${show(handle)}`)
  const { version, engine: made, memory } = fields
  if (version !== QUEUE_LAYOUT_VERSION) {
    throw new HandleError(
      `This ${name} handle has layout version ${show(version)}, this fairlead has ${QUEUE_LAYOUT_VERSION}; every thread must load the same version`,
    )
  }
  if (made !== engine) {
    throw new HandleError(
      `This ${name} was made by the ${show(made)} engine, this thread runs the ${engine} one; set FAIRLEAD_ENGINE alike in every thread`,
    )
  }
  if (!isFixedMemory(memory))
    throw new HandleError(`This ${name} handle has no shared memory of fixed size, but ${show(memory)}`)
  const geometry = geometryOf(memory, engine, kind)
  if (typeof geometry === 'string') throw new HandleError(`The memory of this ${name} handle ${geometry}`)
  return { memory, geometry }
}

/**
 * The geometry of a queue's memory or, as the end of a sentence, what is wrong with it. Every number that becomes part of an
 * address is checked, and read once: another thread may write there.
 */
function geometryOf(
  memory: SharedArrayBuffer,
  engine: QueueEngineKind,
  kind: QueueKind,
): QueueGeometry | string {
  const bytes = bytesOf(memory)
  if (bytes < QUEUE_HEADER.WORDS * 4 || bytes % 4 !== 0)
    return `has ${bytes} bytes, which is no size of a queue`
  const header = new Int32Array(memory, 0, QUEUE_HEADER.WORDS).slice()
  if (header[QUEUE_HEADER.MAGIC] !== QUEUE_MAGIC) return 'is not a queue: its first word is wrong'
  if (header[QUEUE_HEADER.VERSION] !== QUEUE_LAYOUT_VERSION) {
    return `has layout version ${header[QUEUE_HEADER.VERSION]}, this fairlead has ${QUEUE_LAYOUT_VERSION}`
  }
  if (header[QUEUE_HEADER.FINGERPRINT] >>> 0 !== queueLayoutFingerprint()) {
    return 'has another layout than this fairlead; every thread must load the same build'
  }
  if (header[QUEUE_HEADER.ENGINE] !== (engine === 'native' ? 1 : 0)) return 'belongs to the other engine'
  const capacity = header[QUEUE_HEADER.CAPACITY]
  if (capacity < 1 || capacity > QUEUE_SIZES.MAX_CAPACITY) return `has a capacity of ${capacity}`
  const slotBytes = header[QUEUE_HEADER.SLOT_BYTES]
  if (kindOf(slotBytes) !== kind) return `is that of a ${kindOf(slotBytes).name}`
  if (slotBytes < 0 || slotBytes > QUEUE_SIZES.MAX_SLOT_BYTES) return `has slots of ${slotBytes} bytes`
  const geometry = queueGeometry(capacity, slotBytes)
  if (
    header[QUEUE_HEADER.BLOCK_SHIFT] !== geometry.blockShift ||
    header[QUEUE_HEADER.BLOCKS] !== geometry.blocks ||
    header[QUEUE_HEADER.DIRECTORY_SHIFT] !== geometry.directoryShift ||
    bytes !== geometry.words * 4
  ) {
    return `does not fit its capacity of ${capacity}${slotBytes === 0 ? '' : ` slots of ${slotBytes} bytes`}`
  }
  return geometry
}
