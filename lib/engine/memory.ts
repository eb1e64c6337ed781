import type { Segment } from './contract.js'
import {
  CONTRIBUTION,
  DEFAULT_MAX_SERVICES,
  DEFAULT_MAX_THREADS,
  HEADER,
  HISTOGRAM_BUCKETS,
  LAYOUT_VERSION,
  layoutFingerprint,
  MAGIC,
  ROOT_BYTES,
  SEGMENT_SLOTS,
  SLOT,
} from './layout.js'

/** Plain data that goes through `workerData`; see `HandleError` for what is refused. */
export interface MemoryHandle {
  readonly root: SharedArrayBuffer
  readonly segments: readonly SegmentHandle[]
}
export interface SegmentHandle {
  readonly cells: SharedArrayBuffer
  readonly contributions: SharedArrayBuffer
  readonly histograms: SharedArrayBuffer
}

const BYTES_PER_WORD = 4

/** Allocates and formats the root segment. Untouched pages cost address space only. */
export function createRoot(
  engine: 'native' | 'fallback',
  seed: number,
  maxThreads = DEFAULT_MAX_THREADS,
  maxServices = DEFAULT_MAX_SERVICES,
): Int32Array<SharedArrayBuffer> {
  const root = new Int32Array(new SharedArrayBuffer(ROOT_BYTES(maxThreads, maxServices)))
  root[HEADER.VERSION] = LAYOUT_VERSION
  root[HEADER.FINGERPRINT] = layoutFingerprint()
  root[HEADER.ENGINE] = engine === 'native' ? 1 : 0
  root[HEADER.MAX_THREADS] = maxThreads
  root[HEADER.MAX_SERVICES] = maxServices
  root[HEADER.SEED] = seed
  Atomics.store(root, HEADER.MAGIC, MAGIC)
  return root
}

/** Allocates one segment of endpoint slots, all free. */
export function createSegment(maxThreads: number): Segment {
  const words = (n: number) => new Int32Array(new SharedArrayBuffer(n * BYTES_PER_WORD))
  return {
    cells: words(SEGMENT_SLOTS * SLOT.WORDS),
    contributions: words(maxThreads * SEGMENT_SLOTS * CONTRIBUTION.WORDS),
    histograms: words(SEGMENT_SLOTS * HISTOGRAM_BUCKETS),
  }
}
