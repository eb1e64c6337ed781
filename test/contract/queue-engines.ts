import { fallbackQueueEngine, type QueueEngine } from '../../lib/queue/engine.js'
import { nativeQueueEngine } from '../../lib/queue/native-lanes.js'
import { RequestQueue } from '../../lib/queue/request-queue.js'
import { TicketQueue } from '../../lib/queue/ticket-queue.js'
import { addon } from './engines.js'

/** TicketQueue on one given engine, whichever the process has picked. */
export function queueClassOn(engine: QueueEngine): typeof TicketQueue {
  return class extends TicketQueue {
    protected static override engine(): QueueEngine {
      return engine
    }
  }
}

function requestQueueOn(engine: QueueEngine): typeof RequestQueue {
  return class extends RequestQueue {
    protected static override engine(): QueueEngine {
      return engine
    }
  }
}

const queueEngines: readonly QueueEngine[] = [
  ...(addon === undefined ? [] : [nativeQueueEngine(addon)]),
  fallbackQueueEngine,
]

/** The queues' classes on each engine that can run here. */
export const queueClasses = queueEngines.map((engine) => ({
  kind: engine.kind,
  Queue: queueClassOn(engine),
  Requests: requestQueueOn(engine),
}))
