import { ArgumentError } from '../errors.js'
import { show } from '../runtime/foreign.js'
import { QUEUE_SIZES, type QueueGeometry, queueGeometry } from './layout.js'
import {
  checkCapacity,
  checkHandle,
  formatMemory,
  type QueueEngineKind,
  type QueueHandle,
  QueueMemory,
  REQUESTS,
} from './memory.js'

/**
 * A queue as plain data: goes through `workerData` and `postMessage` to other threads of this process.
 * The fields are for `RequestQueue.attach`; nothing else should read them.
 */
export interface RequestQueueHandle extends QueueHandle {
  readonly type: 'fairlead.request-queue'
}

/** Bytes of a queue in all: what every supported Node can make one array of. */
const MAX_BYTES = 2 ** 31

/**
 * The memory of a queue of requests. An item is a length; the bytes are in the slot of the same number, from
 * `block << blockShift` on. So whoever has an item has its slot.
 */
export class RequestMemory extends QueueMemory {
  readonly lengths: Uint16Array<SharedArrayBuffer> | Uint32Array<SharedArrayBuffer>
  readonly slab: Uint8Array<SharedArrayBuffer>
  /** Bytes of a request, at most. */
  readonly slotBytes: number
  /** Bytes from one slot to the next, a multiple of 8. */
  readonly slotStride: number

  constructor(buffer: SharedArrayBuffer, geometry: QueueGeometry) {
    super(buffer, geometry)
    const { slotBytes, slotStride, blocks, blockShift, itemBytes, itemsWord, slabWord } = geometry
    const items = blocks << blockShift
    this.lengths =
      itemBytes === 2
        ? new Uint16Array(buffer, itemsWord * 4, items)
        : new Uint32Array(buffer, itemsWord * 4, items)
    this.slab = new Uint8Array(buffer, slabWord * 4, items * slotStride)
    this.slotBytes = slotBytes
    this.slotStride = slotStride
  }

  override get handle(): RequestQueueHandle {
    return { ...super.handle, type: 'fairlead.request-queue' }
  }
}

/**
 * Allocates and formats the memory of a queue of requests. Throws an ArgumentError.
 * @param start position at which the lanes start, a multiple of 256; tests set it just before the wrap
 */
export function createRequestMemory(
  capacity: number,
  slotBytes: number,
  engine: QueueEngineKind,
  start = 0,
): RequestMemory {
  checkCapacity(capacity)
  if (!Number.isInteger(slotBytes) || slotBytes < 1 || slotBytes > QUEUE_SIZES.MAX_SLOT_BYTES) {
    throw new ArgumentError(
      `slotBytes is ${show(slotBytes)}; it takes a whole number of bytes, that of the longest request, from 1 to ${QUEUE_SIZES.MAX_SLOT_BYTES}`,
    )
  }
  const geometry = queueGeometry(capacity, slotBytes)
  const bytes = geometry.words * 4
  if (bytes > MAX_BYTES) {
    throw new ArgumentError(
      `capacity ${capacity} and slotBytes ${slotBytes} come to ${bytes} bytes, more than the ${MAX_BYTES} that a queue may have; make one of them less`,
    )
  }
  return new RequestMemory(formatMemory(geometry, engine, start), geometry)
}

/** The memory behind a handle, for an engine of the given kind; throws a HandleError that says what is wrong with it. */
export function openRequestMemory(handle: unknown, engine: QueueEngineKind): RequestMemory {
  const { memory, geometry } = checkHandle(handle, engine, REQUESTS)
  return new RequestMemory(memory, geometry)
}
