import { selection } from '../engine/index.js'
import { FallbackLanes } from './fallback-lanes.js'
import { FallbackRequestLanes } from './fallback-request-lanes.js'
import type { QueueEngine } from './lanes.js'
import { nativeQueueEngine } from './native-lanes.js'

export type { QueueEngine }

export const fallbackQueueEngine: QueueEngine = {
  kind: 'fallback',
  createLanes: (memory) => new FallbackLanes(memory),
  createRequestLanes: (memory) => new FallbackRequestLanes(memory),
}

let selected: QueueEngine | undefined

/** The queues of the engine that this process runs. */
export function selectedQueueEngine(): QueueEngine {
  selected ??= selection.addon === undefined ? fallbackQueueEngine : nativeQueueEngine(selection.addon)
  return selected
}
