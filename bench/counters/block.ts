/** A balancer's shared memory with `endpoints` slots ready to be picked, for the engine alone: no balancer around it. */

import { seedRandom } from '../../dist/engine/atomics/random.js'
import type { Core, Picker, Segment } from '../../dist/engine/contract.js'
import { selection } from '../../dist/engine/index.js'
import {
  DISTRIBUTOR,
  HEADER,
  METRIC,
  SEGMENT_SHIFT,
  SEGMENT_SLOTS,
  SLOT,
  SLOT_FLAGS,
  THREAD,
  threadWord,
} from '../../dist/engine/layout.js'
import { createRoot, createSegment, createServices } from '../../dist/engine/memory.js'
import type { DrawTable } from '../../dist/engine/weighted-draw.js'

/** Plain data that goes to other threads. */
export interface Block {
  readonly root: Int32Array<SharedArrayBuffer>
  readonly services: Int32Array<SharedArrayBuffer>
  readonly segments: readonly Segment[]
  readonly endpoints: number
}

const MAX_THREADS = 16
const DECAY_MS = 10_000

export function createBlock(endpoints: number): Block {
  const root = createRoot(selection.kind, 1, MAX_THREADS)
  const segments = Array.from({ length: Math.ceil(endpoints / SEGMENT_SLOTS) }, () =>
    createSegment(MAX_THREADS),
  )
  for (let slot = 0; slot < endpoints; slot++) {
    const { cells } = segments[slot >>> SEGMENT_SHIFT]
    const floats = new Float32Array(cells.buffer)
    const at = (slot & (SEGMENT_SLOTS - 1)) * SLOT.WORDS
    cells[at + SLOT.FLAGS] = SLOT_FLAGS.PEAK
    cells[at + SLOT.HISTOGRAM] = slot + 1
    floats[at + SLOT.WEIGHT] = 1 + (slot % 4)
    floats[at + SLOT.DECAY_MS] = DECAY_MS
  }
  return { root, services: createServices(MAX_THREADS)[0], segments, endpoints }
}

export interface Access {
  readonly core: Core
  /** Two choices, by latency times requests in flight: the default policy. */
  readonly pick: Picker
}

/** One thread's access to it; `thread` is this thread's own number, from 0. Draws uniformly, or by `draw`. */
export function openBlock(
  { root, services, segments, endpoints }: Block,
  thread: number,
  draw?: DrawTable,
): Access {
  seedRandom(root, threadWord(thread) + THREAD.RANDOM, root[HEADER.SEED], thread)
  const core = selection.factory.createCore(root, thread)
  core.addServices(0, services)
  for (const [index, segment] of segments.entries()) core.addSegment(index, segment)
  const slots = Uint32Array.from({ length: endpoints }, (_, slot) => slot)
  const pick = core.picker({
    distributor: DISTRIBUTOR.TWO_CHOICES,
    metric: METRIC.LATENCY,
    service: 0,
    slots,
    draw,
  })
  return { core, pick }
}
