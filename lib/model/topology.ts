/** What a `Topology` knows, as users see it. Frozen; a change makes a new object. */

/** `drain` and `down` get no new requests. */
export type NodeState = 'up' | 'drain' | 'down'

/** A machine, or a process on one. What is not said is an empty text or list. */
export interface TopologyNode {
  readonly id: string
  readonly region: string
  readonly zone: string
  readonly dataCenter: string
  readonly capabilities: readonly string[]
  /** Origins by service. */
  readonly services: Readonly<Record<string, string>>
  readonly weight: number
  readonly bandwidthMbps: number | undefined
  readonly latencyMs: number | undefined
  readonly state: NodeState
  readonly metadata: Readonly<Record<string, unknown>>
}

/** A link between two regions; it leads both ways. */
export interface TopologyLink {
  readonly from: string
  readonly to: string
  /** Round trip. */
  readonly latencyMs: number
  readonly bandwidthMbps: number | undefined
  /** Above 0, at most 1. */
  readonly reliability: number
  /** Ids of the nodes that carry it. */
  readonly bridges: readonly string[]
}

/** What was measured from one region to another, by a monitor in the first one. */
export interface TopologyMeasurement {
  readonly from: string
  readonly to: string
  /** Smoothed round trip, ms; undefined where nothing was answered yet. */
  readonly latencyMs: number | undefined
  /** Share of the last probes that was not answered: 0 to 1. */
  readonly loss: number
  /** undefined unless it is measured. */
  readonly bandwidthMbps: number | undefined
  /** Nobody there has answered for so long that the regions count as cut off from each other. */
  readonly isCut: boolean
}

/** The best way between two regions. */
export interface TopologyPath {
  /** From the first region to the last, both included. */
  readonly regions: readonly string[]
  readonly links: readonly TopologyLink[]
  /** Sum of the links' round trips, ms: measured ones where there are any. */
  readonly latencyMs: number
  /** That of the narrowest link whose bandwidth is known; undefined where none is. */
  readonly bandwidthMbps: number | undefined
  /** Share of what is sent that arrives: the links' product. */
  readonly reliability: number
}
