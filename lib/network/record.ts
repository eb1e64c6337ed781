/**
 * What goes from thread to thread: a change, or all there is. Little-endian, in this order: what it is and its revision; then the
 * nodes, each with the revision in which it changed last, its id, and itself as JSON; then the rest as JSON. A thread that is almost up
 * to date reads of a whole topology the ids alone, and the few nodes that are newer.
 */
import { HandleError } from '../errors.js'
import type { TopologyLink, TopologyMeasurement, TopologyNode } from '../model/index.js'
import { reasonOf } from '../runtime/foreign.js'
import type { TopologyChange } from './state.js'

const CHANGE = 1
const WHOLE = 2
/** Kind, revision and number of nodes. */
const HEAD_BYTES = 12
/** Of a node: bytes, revision, and bytes of its id. */
const NODE_BYTES = 12
const WORD = 4

/** A node as it stands in a record, but for its revision. */
export type EncodedNode = Uint8Array

/** What a record has beside nodes. */
interface Rest {
  readonly removedNodes: readonly string[]
  readonly links: readonly TopologyLink[]
  readonly removedLinks: readonly (readonly [string, string])[]
  readonly measurements: readonly TopologyMeasurement[]
}

/** A record that was read. */
export interface TopologyRecord {
  readonly revision: number
  /** It has all that there is: what is not in it is gone. */
  readonly isWhole: boolean
  readonly nodes: readonly NodeRecord[]
  rest(): Rest
}

export interface NodeRecord {
  readonly id: string
  /** What it takes in a record. */
  readonly bytes: number
  readonly revision: number
  read(): TopologyNode
}

/** Whether revision `a` comes after `b`; revisions are 32 bits and wrap. */
export const isAfter = (a: number, b: number): boolean => ((a - b) | 0) > 0

/** What a node takes in a record. */
export const bytesOfNode = (id: string, encoded: EncodedNode): number =>
  NODE_BYTES + Buffer.byteLength(id) + encoded.length

export function encodeNode(node: TopologyNode): EncodedNode {
  return Buffer.from(JSON.stringify(node))
}

export function encodeChange(
  change: TopologyChange,
  revision: number,
  nodes: readonly EncodedNode[],
): Uint8Array {
  const { removedNodes, links, removedLinks, measurements } = change
  const listed = change.nodes.map(({ id }, i) => ({ id, revision, encoded: nodes[i] }))
  return encode(CHANGE, revision, listed, { removedNodes, links, removedLinks, measurements })
}

export function encodeWhole(
  revision: number,
  nodes: readonly { readonly id: string; readonly revision: number; readonly encoded: EncodedNode }[],
  links: readonly TopologyLink[],
  measurements: readonly TopologyMeasurement[],
): Uint8Array {
  return encode(WHOLE, revision, nodes, { removedNodes: [], links, removedLinks: [], measurements })
}

function encode(
  kind: number,
  revision: number,
  nodes: readonly { readonly id: string; readonly revision: number; readonly encoded: EncodedNode }[],
  rest: Rest,
): Uint8Array {
  const tail = Buffer.from(JSON.stringify(rest))
  let bytes = HEAD_BYTES + tail.length
  for (const { id, encoded } of nodes) bytes += NODE_BYTES + Buffer.byteLength(id) + encoded.length
  const record = Buffer.allocUnsafe(bytes)
  record.writeUInt32LE(kind, 0)
  record.writeUInt32LE(revision, WORD)
  record.writeUInt32LE(nodes.length, 2 * WORD)
  let at = HEAD_BYTES
  for (const { id, revision: changed, encoded } of nodes) {
    const idBytes = record.write(id, at + NODE_BYTES)
    record.writeUInt32LE(idBytes + encoded.length, at)
    record.writeUInt32LE(changed, at + WORD)
    record.writeUInt32LE(idBytes, at + 2 * WORD)
    record.set(encoded, at + NODE_BYTES + idBytes)
    at += NODE_BYTES + idBytes + encoded.length
  }
  record.set(tail, at)
  return record
}

/** @throws HandleError where it is no such record */
export function decodeRecord(bytes: Uint8Array): TopologyRecord {
  const record = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  try {
    const kind = record.readUInt32LE(0)
    if (kind !== CHANGE && kind !== WHOLE) throw new Error(`it is of kind ${kind}`)
    const count = record.readUInt32LE(2 * WORD)
    const nodes: NodeRecord[] = []
    let at = HEAD_BYTES
    for (let i = 0; i < count; i++) {
      const begin = at + NODE_BYTES
      const end = begin + record.readUInt32LE(at)
      const idEnd = begin + record.readUInt32LE(at + 2 * WORD)
      if (idEnd > end || end > record.length) throw new Error(`its node ${i} goes beyond its end`)
      nodes.push({
        id: record.toString('utf8', begin, idEnd),
        bytes: end - at,
        revision: record.readUInt32LE(at + WORD),
        read: () => parsed<TopologyNode>(record.toString('utf8', idEnd, end)),
      })
      at = end
    }
    const restAt = at
    const rest = () => parsed<Rest>(record.toString('utf8', restAt))
    return { revision: record.readUInt32LE(WORD), isWhole: kind === WHOLE, nodes, rest }
  } catch (error) {
    throw unreadable(error)
  }
}

function parsed<Value>(text: string): Value {
  try {
    return JSON.parse(text) as Value
  } catch (error) {
    throw unreadable(error)
  }
}

const unreadable = (error: unknown): HandleError =>
  new HandleError(`The topology that threads share cannot be read: ${reasonOf(error)}`)
