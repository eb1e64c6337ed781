import { selection } from '../engine/index.js'
import { FallbackLanes } from './fallback-lanes.js'
import type { QueueLanes } from './lanes.js'
import type { QueueEngineKind, QueueMemory } from './memory.js'
import { nativeQueueEngine } from './native-lanes.js'

export interface QueueEngine {
  readonly kind: QueueEngineKind
  /** One thread's access to a queue. */
  readonly createLanes: (memory: QueueMemory) => QueueLanes
}

export const fallbackQueueEngine: QueueEngine = {
  kind: 'fallback',
  createLanes: (memory) => new FallbackLanes(memory),
}

let selected: QueueEngine | undefined

/** The queues of the engine that this process runs. */
export function selectedQueueEngine(): QueueEngine {
  selected ??= selection.kind === 'native' ? nativeQueueEngine(selection.addon) : fallbackQueueEngine
  return selected
}
