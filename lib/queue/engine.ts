import { selection } from '../engine/index.js'
import { FallbackLanes } from './fallback-lanes.js'
import { FallbackRequestLanes } from './fallback-request-lanes.js'
import type { RequestLanes, TicketLanes } from './lanes.js'
import type { QueueEngineKind, QueueMemory } from './memory.js'
import { nativeQueueEngine } from './native-lanes.js'
import type { RequestMemory } from './request-memory.js'

export interface QueueEngine {
  readonly kind: QueueEngineKind
  /** One thread's access to a queue of tickets. */
  readonly createLanes: (memory: QueueMemory) => TicketLanes
  /** One thread's access to a queue of requests. */
  readonly createRequestLanes: (memory: RequestMemory) => RequestLanes
}

export const fallbackQueueEngine: QueueEngine = {
  kind: 'fallback',
  createLanes: (memory) => new FallbackLanes(memory),
  createRequestLanes: (memory) => new FallbackRequestLanes(memory),
}

let selected: QueueEngine | undefined

/** The queues of the engine that this process runs. */
export function selectedQueueEngine(): QueueEngine {
  selected ??= selection.kind === 'native' ? nativeQueueEngine(selection.addon) : fallbackQueueEngine
  return selected
}
