import {
  CONFIG_PAGES,
  HEADER,
  LAYOUT_VERSION,
  layoutFingerprint,
  MAGIC,
  ROOT_BYTES,
  SEGMENT_SHIFT,
  SERVICE_SEGMENT_BYTES,
  SERVICE_SEGMENT_SHIFT,
} from '../engine/layout.js'
import {
  MAX_PAGE_BYTES,
  openSegment,
  openServices,
  type Page,
  SEGMENT_BYTES,
  type SegmentHandle,
  segmentHandle,
} from '../engine/memory.js'
import type { Segments } from '../engine/state.js'
import { MOST_THREADS, threadRecords } from '../engine/threads.js'
import { TICKET_BYTES } from '../engine/tickets.js'
import { HandleError } from '../errors.js'
import { bytesOf, elementsOf, fieldsOf, isFixedMemory, isGrowableMemory, show } from '../runtime/foreign.js'

const TYPE = 'fairlead.balancer'
const FIELDS = [
  'type',
  'version',
  'fingerprint',
  'engine',
  'id',
  'root',
  'segments',
  'services',
  'tickets',
  'pages',
] as const
const PARTS = ['cells', 'contributions', 'histograms', 'concurrency', 'connections'] as const
/** More than any balancer has: of either kind, as an end to what is read. */
const MOST_SEGMENTS = 1 << 16

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
  /** Each of one or more segments. */
  readonly services: readonly SharedArrayBuffer[]
  readonly tickets: SharedArrayBuffer
  readonly pages: readonly SharedArrayBuffer[]
}

/** A balancer's memory, all of it. */
export interface SharedMemory {
  readonly root: Int32Array<SharedArrayBuffer>
  readonly segments: Segments
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
  segments: segments.endpoints.map(segmentHandle),
  services: [...new Set(segments.services.map((words) => words.buffer))],
  tickets: segments.tickets.buffer,
  pages,
})

/** The memory behind a handle, for an engine of the given kind. Throws a `HandleError` that says what is wrong with it. */
export function openHandle(handle: unknown, engine: 'native' | 'fallback'): SharedMemory {
  const fields = fieldsOf(handle, FIELDS)
  if (fields?.type !== TYPE)
    throw new HandleError(
      `This is not the handle of a Balancer: ${show(handle)}; take it from balancer.handle`,
    )
  const { version, fingerprint, engine: made, id } = fields
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
  const root = openRoot(fields.root, engine, id)
  const threads = threadRecords(root)
  const endpoints = openSegments(fields.segments, threads)
  const services = openServiceSegments(fields.services, threads)
  refuseMissing('slots', root[HEADER.SLOTS_USED], endpoints.length << SEGMENT_SHIFT)
  refuseMissing('services', root[HEADER.SERVICES_USED], services.length << SERVICE_SEGMENT_SHIFT)
  const tickets = openTickets(fields.tickets)
  return { root, segments: { endpoints, services, tickets }, pages: openPages(fields.pages) }
}

// Every number that becomes part of an address is checked, and read once: another thread may write there.

const damaged = (what: string): HandleError => new HandleError(`This Balancer handle is damaged: its ${what}`)

function openRoot(root: unknown, engine: 'native' | 'fallback', id: unknown): Int32Array<SharedArrayBuffer> {
  if (!isFixedMemory(root)) throw damaged(`root is no shared memory of fixed size, but ${show(root)}`)
  const bytes = bytesOf(root)
  if (bytes < HEADER.WORDS * 4 || bytes % 4 !== 0)
    throw damaged(`root has ${bytes} bytes, which is no size of a root segment`)
  const words = new Int32Array(root)
  if (Atomics.load(words, HEADER.MAGIC) !== MAGIC)
    throw damaged('root is not a balancer: its first word is wrong')
  if (words[HEADER.VERSION] !== LAYOUT_VERSION || words[HEADER.FINGERPRINT] >>> 0 !== layoutFingerprint())
    throw damaged('root has another layout than this fairlead')
  if (words[HEADER.ENGINE] !== (engine === 'native' ? 1 : 0))
    throw damaged('root belongs to the other engine')
  const threads = words[HEADER.MAX_THREADS]
  if (!(threads >= 1 && threads <= MOST_THREADS)) throw damaged(`root has room for ${threads} threads`)
  if (bytes !== ROOT_BYTES(threads))
    throw damaged(`root has ${bytes} bytes instead of ${ROOT_BYTES(threads)}`)
  if (id !== blockId(words)) throw damaged(`id is ${show(id)}, but its memory is of ${blockId(words)}`)
  return words
}

function openSegments(segments: unknown, threads: number): Segments['endpoints'] {
  const bytes = SEGMENT_BYTES(threads)
  return listOf(segments, 'segments').map((segment, index) => {
    const parts = fieldsOf(segment, PARTS)
    for (const part of PARTS) {
      const memory = parts?.[part]
      if (!isFixedMemory(memory) || bytesOf(memory) !== bytes[part])
        throw damaged(
          `segments[${index}].${part} is no shared memory of ${bytes[part]} bytes, but ${show(memory)}`,
        )
    }
    return openSegment(parts as unknown as SegmentHandle)
  })
}

function openServiceSegments(services: unknown, threads: number): Segments['services'] {
  const bytes = SERVICE_SEGMENT_BYTES(threads)
  return listOf(services, 'services').flatMap((memory, index) => {
    if (!isFixedMemory(memory) || bytesOf(memory) === 0 || bytesOf(memory) % bytes !== 0)
      throw damaged(
        `services[${index}] is no shared memory of segments of ${bytes} bytes, but ${show(memory)}`,
      )
    return openServices(memory, threads)
  })
}

function openTickets(tickets: unknown): Segments['tickets'] {
  if (!isFixedMemory(tickets) || bytesOf(tickets) !== TICKET_BYTES)
    throw damaged(`tickets are no shared memory of ${TICKET_BYTES} bytes, but ${show(tickets)}`)
  return new Int32Array(tickets)
}

function openPages(pages: unknown): readonly Page[] {
  const list = elementsOf(pages, CONFIG_PAGES)
  if (list?.length !== CONFIG_PAGES)
    throw damaged(`pages are ${show(pages)} instead of ${CONFIG_PAGES} pieces of memory`)
  return list.map((page, index) => {
    if (!isGrowableMemory(page, MAX_PAGE_BYTES))
      throw damaged(
        `pages[${index}] is no growable shared memory of at most ${MAX_PAGE_BYTES} bytes, but ${show(page)}`,
      )
    return page as Page
  })
}

function listOf(list: unknown, name: string): readonly unknown[] {
  const elements = elementsOf(list, MOST_SEGMENTS)
  if (elements === undefined || elements.length === 0) throw damaged(`${name} are ${show(list)}`)
  return elements
}

/** A number is drawn before it is known to be beyond the end, by each thread at most once at a time. */
function refuseMissing(what: string, used: number, capacity: number): void {
  if (used >= 0 && used <= capacity + MOST_THREADS) return
  throw damaged(`segments hold ${capacity} ${what}, of which ${used} are used`)
}
