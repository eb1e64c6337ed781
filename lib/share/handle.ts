import type { Segment } from '../engine/contract.js'
import {
  CONFIG_PAGES,
  HEADER,
  LAYOUT_VERSION,
  layoutFingerprint,
  MAGIC,
  ROOT_BYTES,
  SEGMENT_SHIFT,
} from '../engine/layout.js'
import { openSegment, type Page, SEGMENT_BYTES, type SegmentHandle, segmentHandle } from '../engine/memory.js'
import { MOST_THREADS } from '../engine/threads.js'
import { HandleError } from '../errors.js'

const TYPE = 'fairlead.balancer'
const LONGEST_SHOWN = 40

/**
 * A balancer as plain data: goes through `workerData` and `postMessage` to other threads of this process. The fields
 * are for `Balancer.attach`; nothing else should read them.
 */
export interface BalancerHandle {
  readonly type: 'fairlead.balancer'
  readonly version: number
  readonly fingerprint: number
  readonly engine: 'native' | 'fallback'
  /** Names the balancer among those of the process. */
  readonly id: string
  readonly root: SharedArrayBuffer
  readonly segments: readonly SegmentHandle[]
  readonly pages: readonly SharedArrayBuffer[]
}

/** A balancer's memory, all of it. */
export interface SharedMemory {
  readonly root: Int32Array<SharedArrayBuffer>
  readonly segments: readonly Segment[]
  readonly pages: readonly Page[]
}

/** What a balancer is made of that attaches to another one's memory. Not a configuration. */
export class Attachment {
  readonly memory: SharedMemory

  constructor(memory: SharedMemory) {
    this.memory = memory
  }
}

/** For `Balancer.attach`. Throws a `HandleError` that says what is wrong with the handle, or that its balancer was stopped. */
export function openAttachment(handle: unknown, engine: 'native' | 'fallback'): Attachment {
  const memory = openHandle(handle, engine)
  if (Atomics.load(memory.root, HEADER.STOPPED) === 1)
    throw new HandleError('The balancer of this handle was stopped: attach before that, or make another one')
  return new Attachment(memory)
}

/** Names a block, in messages between its threads. */
export const blockId = (root: Int32Array): string =>
  [root[HEADER.ID], root[HEADER.ID + 1]].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('')

export const toHandle = (
  { root, segments, pages }: SharedMemory,
  engine: 'native' | 'fallback',
): BalancerHandle => ({
  type: TYPE,
  version: LAYOUT_VERSION,
  fingerprint: layoutFingerprint(),
  engine,
  id: blockId(root),
  root: root.buffer,
  segments: segments.map(segmentHandle),
  pages,
})

/** The memory behind a handle, for an engine of the given kind. Throws a `HandleError` that says what is wrong with it. */
export function openHandle(handle: unknown, engine: 'native' | 'fallback'): SharedMemory {
  if (typeof handle !== 'object' || handle === null || (handle as BalancerHandle).type !== TYPE)
    throw new HandleError(
      `This is not the handle of a Balancer: ${show(handle)}; take it from balancer.handle`,
    )
  const { version, fingerprint, engine: made, id, root, segments, pages } = handle as BalancerHandle
  if (version !== LAYOUT_VERSION || fingerprint !== layoutFingerprint()) {
    throw new HandleError(
      `This Balancer handle has memory layout ${show(version)} (fingerprint ${show(fingerprint)}), this fairlead has ${LAYOUT_VERSION} (${layoutFingerprint()}); every thread must load the same build`,
    )
  }
  if (made !== engine) {
    throw new HandleError(
      `This Balancer was made by the ${show(made)} engine, this thread runs the ${engine} one; set FAIRLEAD_ENGINE alike in every thread`,
    )
  }
  const fault = rootFault(root, engine, id) ?? segmentsFault(segments, root) ?? pagesFault(pages)
  if (fault !== undefined) throw new HandleError(`This Balancer handle is damaged: its ${fault}`)
  return { root: new Int32Array(root), segments: segments.map(openSegment), pages: pages as readonly Page[] }
}

/** What is wrong, as the end of a sentence. Every number that becomes part of an address is checked. */
function rootFault(root: unknown, engine: 'native' | 'fallback', id: unknown): string | undefined {
  if (!isFixed(root)) return `root is no shared memory of fixed size, but ${show(root)}`
  if (root.byteLength < HEADER.WORDS * 4 || root.byteLength % 4 !== 0)
    return `root has ${root.byteLength} bytes, which is no size of a root segment`
  const words = new Int32Array(root)
  if (Atomics.load(words, HEADER.MAGIC) !== MAGIC) return 'root is not a balancer: its first word is wrong'
  if (words[HEADER.VERSION] !== LAYOUT_VERSION || words[HEADER.FINGERPRINT] >>> 0 !== layoutFingerprint())
    return 'root has another layout than this fairlead'
  if (words[HEADER.ENGINE] !== (engine === 'native' ? 1 : 0)) return 'root belongs to the other engine'
  const [threads, services] = [words[HEADER.MAX_THREADS], words[HEADER.MAX_SERVICES]]
  if (!(threads >= 1 && threads <= MOST_THREADS && services >= 1))
    return `root has room for ${threads} threads and ${services} services`
  if (root.byteLength !== ROOT_BYTES(threads, services))
    return `root has ${root.byteLength} bytes instead of ${ROOT_BYTES(threads, services)}`
  if (id !== blockId(words)) return `id is ${show(id)}, but its memory is of ${blockId(words)}`
  return undefined
}

function segmentsFault(segments: unknown, root: SharedArrayBuffer): string | undefined {
  const words = new Int32Array(root)
  const used = Atomics.load(words, HEADER.SLOTS_USED)
  if (!Array.isArray(segments) || segments.length === 0) return `segments are ${show(segments)}`
  const capacity = segments.length << SEGMENT_SHIFT
  // A slot number is drawn before it is known to be beyond the end, by each thread at most once at a time.
  if (used > capacity + MOST_THREADS) return `segments hold ${capacity} slots, of which ${used} are used`
  const bytes = SEGMENT_BYTES(words[HEADER.MAX_THREADS])
  for (const [index, segment] of segments.entries()) {
    for (const part of ['cells', 'contributions', 'histograms'] as const) {
      const memory: unknown = segment?.[part]
      if (!isFixed(memory) || memory.byteLength !== bytes[part])
        return `segments[${index}].${part} is no shared memory of ${bytes[part]} bytes, but ${show(memory)}`
    }
  }
  return undefined
}

function pagesFault(pages: unknown): string | undefined {
  if (!Array.isArray(pages) || pages.length !== CONFIG_PAGES)
    return `pages are ${show(pages)} instead of ${CONFIG_PAGES} pieces of memory`
  const wrong = pages.findIndex((page) => !(page instanceof SharedArrayBuffer && (page as Page).growable))
  return wrong < 0 ? undefined : `pages[${wrong}] is no growable shared memory, but ${show(pages[wrong])}`
}

const isFixed = (memory: unknown): memory is SharedArrayBuffer =>
  memory instanceof SharedArrayBuffer && !(memory as Page).growable

/** A value as part of a message: short, and never a failure of its own. */
function show(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(value.length > LONGEST_SHOWN ? `${value.slice(0, LONGEST_SHOWN)}...` : value)
  }
  if (value instanceof SharedArrayBuffer) return `${value.byteLength} bytes`
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  return typeof value === 'function' ? 'a function' : String(value)
}
