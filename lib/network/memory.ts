/**
 * The memory that threads share of a topology: a header of the form of a balancer's, of which the words of the shared
 * configuration and of the leader are used, and pages.
 */
import { randomFillSync } from 'node:crypto'
import { CONFIG_PAGES, HEADER, LAYOUT_VERSION } from '../engine/layout.js'
import { createPages, MAX_PAGE_BYTES, type Page } from '../engine/memory.js'
import { HandleError } from '../errors.js'
import { bytesOf, elementsOf, fieldsOf, isFixedMemory, isGrowableMemory, show } from '../runtime/foreign.js'

const TYPE = 'fairlead.topology'
/** 'FLTP' read as a little-endian word. */
const MAGIC = 0x50544c46
const ROOT_BYTES = HEADER.WORDS * Int32Array.BYTES_PER_ELEMENT
/** Word of the root: the newest revision that was published. A balancer has its seed there. */
export const REVISION = HEADER.SEED
/** Words of the root of who does what for all threads, and of its last sign of life. */
export interface LeadWords {
  readonly leader: number
  readonly beat: number
}
export const MONITOR_LEAD: LeadWords = { leader: HEADER.LEADER, beat: HEADER.LEADER_BEAT }
/** A balancer has other things there. */
export const FOLLOW_LEAD: LeadWords = { leader: HEADER.SETTLING, beat: HEADER.MANUAL_NOW }
const FIELDS = ['type', 'version', 'name', 'maxNodes', 'root', 'pages'] as const

/**
 * A topology as plain data: goes through `workerData` and `postMessage` to other threads of this process. The fields are for
 * `Topology.attach`; nothing else should read them.
 */
export interface TopologyHandle {
  readonly type: 'fairlead.topology'
  readonly version: number
  readonly name: string
  readonly maxNodes: number
  readonly root: SharedArrayBuffer
  readonly pages: readonly SharedArrayBuffer[]
}

export interface TopologyMemory {
  readonly name: string
  readonly maxNodes: number
  readonly root: Int32Array<SharedArrayBuffer>
  readonly pages: readonly Page[]
}

export function createMemory(name: string, maxNodes: number): TopologyMemory {
  const root = new Int32Array(new SharedArrayBuffer(ROOT_BYTES))
  root[HEADER.MAGIC] = MAGIC
  root[HEADER.VERSION] = LAYOUT_VERSION
  randomFillSync(root, HEADER.ID, 2)
  return { name, maxNodes, root, pages: createPages() }
}

export const toHandle = ({ name, maxNodes, root, pages }: TopologyMemory): TopologyHandle => ({
  type: TYPE,
  version: LAYOUT_VERSION,
  name,
  maxNodes,
  root: root.buffer,
  pages,
})

/** @throws HandleError that says what is wrong with the handle */
export function openHandle(handle: unknown): TopologyMemory {
  const fields = fieldsOf(handle, FIELDS)
  if (fields?.type !== TYPE)
    throw new HandleError(
      `This is not the handle of a Topology: ${show(handle)}; take it from topology.handle`,
    )
  const { version, name, maxNodes, root, pages } = fields
  if (version !== LAYOUT_VERSION)
    throw new HandleError(
      `This Topology handle has memory layout ${show(version)}, this fairlead has ${LAYOUT_VERSION}; every thread must load the same build`,
    )
  if (typeof name !== 'string' || !Number.isInteger(maxNodes)) throw damaged('name or maxNodes is missing')
  if (!isFixedMemory(root) || bytesOf(root) !== ROOT_BYTES)
    throw damaged(`root is no shared memory of ${ROOT_BYTES} bytes, but ${show(root)}`)
  const words = new Int32Array(root)
  if (words[HEADER.MAGIC] !== MAGIC || words[HEADER.VERSION] !== LAYOUT_VERSION)
    throw damaged('root is not a topology: its first words are wrong')
  const list = elementsOf(pages, CONFIG_PAGES)
  if (list?.length !== CONFIG_PAGES || !list.every((page) => isGrowableMemory(page, MAX_PAGE_BYTES)))
    throw damaged(`pages are ${show(pages)} instead of ${CONFIG_PAGES} pieces of growable memory`)
  return { name, maxNodes: maxNodes as number, root: words, pages: list as readonly Page[] }
}

const damaged = (what: string): HandleError => new HandleError(`This Topology handle is damaged: its ${what}`)
