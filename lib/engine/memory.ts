import type { Segment } from './contract.js'
import {
  CONCURRENCY,
  CONFIG_PAGES,
  CONNECTION_CONTRIBUTION,
  CONTRIBUTION,
  DEFAULT_MAX_THREADS,
  HEADER,
  HISTOGRAM_BUCKETS,
  LAYOUT_VERSION,
  layoutFingerprint,
  MAGIC,
  ROOT_BYTES,
  SEGMENT_SLOTS,
  SERVICE_SEGMENT_BYTES,
  SLOT,
} from './layout.js'
import { TICKET_BYTES } from './tickets.js'

/** A segment's memory, to be sent to another thread. */
export interface SegmentHandle {
  readonly cells: SharedArrayBuffer
  readonly contributions: SharedArrayBuffer
  readonly histograms: SharedArrayBuffer
  readonly concurrency: SharedArrayBuffer
  readonly connections: SharedArrayBuffer
}

const BYTES_PER_WORD = 4

/** Allocates and formats the root segment. Untouched pages cost address space only. */
export function createRoot(
  engine: 'native' | 'fallback',
  seed: number,
  maxThreads = DEFAULT_MAX_THREADS,
): Int32Array<SharedArrayBuffer> {
  const root = new Int32Array(new SharedArrayBuffer(ROOT_BYTES(maxThreads)))
  root[HEADER.VERSION] = LAYOUT_VERSION
  root[HEADER.FINGERPRINT] = layoutFingerprint()
  root[HEADER.ENGINE] = engine === 'native' ? 1 : 0
  root[HEADER.MAX_THREADS] = maxThreads
  root[HEADER.SEED] = seed
  Atomics.store(root, HEADER.MAGIC, MAGIC)
  return root
}

/**
 * Allocates segments of service records, all free. Those that are made together lie in one piece of memory: an allocator
 * maps a large one, and what is never touched takes no memory then; 40 small ones would take 8 MB.
 */
export const createServices = (maxThreads: number, count = 1): Int32Array<SharedArrayBuffer>[] =>
  openServices(new SharedArrayBuffer(count * SERVICE_SEGMENT_BYTES(maxThreads)), maxThreads)

/** The segments of service records in one piece of memory. */
export function openServices(memory: SharedArrayBuffer, maxThreads: number): Int32Array<SharedArrayBuffer>[] {
  const bytes = SERVICE_SEGMENT_BYTES(maxThreads)
  return Array.from(
    { length: Math.floor(new Uint8Array(memory).byteLength / bytes) },
    (_, i) => new Int32Array(memory, i * bytes, bytes / BYTES_PER_WORD),
  )
}

/** Allocates a balancer's tickets. Those that are never handed out are address space only: 4 MiB. */
export const createTickets = (): Int32Array<SharedArrayBuffer> =>
  new Int32Array(new SharedArrayBuffer(TICKET_BYTES))

/** Allocates one segment of endpoint slots, all free. */
export function createSegment(maxThreads: number): Segment {
  const bytes = SEGMENT_BYTES(maxThreads)
  return openSegment({
    cells: new SharedArrayBuffer(bytes.cells),
    contributions: new SharedArrayBuffer(bytes.contributions),
    histograms: new SharedArrayBuffer(bytes.histograms),
    concurrency: new SharedArrayBuffer(bytes.concurrency),
    connections: new SharedArrayBuffer(bytes.connections),
  })
}

/** A segment over memory that another thread has allocated. */
export const openSegment = ({
  cells,
  contributions,
  histograms,
  concurrency,
  connections,
}: SegmentHandle): Segment => ({
  cells: new Int32Array(cells),
  contributions: new Int32Array(contributions),
  histograms: new Int32Array(histograms),
  concurrency: new Int32Array(concurrency),
  connections: new Int32Array(connections),
})

export const segmentHandle = ({
  cells,
  contributions,
  histograms,
  concurrency,
  connections,
}: Segment): SegmentHandle => ({
  cells: cells.buffer,
  contributions: contributions.buffer,
  histograms: histograms.buffer,
  concurrency: concurrency.buffer,
  connections: connections.buffer,
})

/** Bytes of each part of a segment. */
export const SEGMENT_BYTES = (maxThreads: number): Record<keyof SegmentHandle, number> => ({
  cells: SEGMENT_SLOTS * SLOT.WORDS * BYTES_PER_WORD,
  contributions: maxThreads * SEGMENT_SLOTS * CONTRIBUTION.WORDS * BYTES_PER_WORD,
  histograms: SEGMENT_SLOTS * HISTOGRAM_BUCKETS * BYTES_PER_WORD,
  concurrency: SEGMENT_SLOTS * CONCURRENCY.WORDS * BYTES_PER_WORD,
  connections: maxThreads * SEGMENT_SLOTS * CONNECTION_CONTRIBUTION.WORDS * BYTES_PER_WORD,
})

/** A page of configuration grows up to this, in bytes; what it has not grown to is address space only. */
export const MAX_PAGE_BYTES = 64 * 1024 * 1024

/** Growable memory: the pages are read seldom and by copying, which growing does not make slower. */
export interface Page extends SharedArrayBuffer {
  readonly growable: boolean
  readonly maxByteLength: number
  grow(bytes: number): void
}

const GrowableBuffer = SharedArrayBuffer as unknown as new (
  bytes: number,
  options: { maxByteLength: number },
) => Page

export const createPages = (): Page[] =>
  Array.from({ length: CONFIG_PAGES }, () => new GrowableBuffer(0, { maxByteLength: MAX_PAGE_BYTES }))
