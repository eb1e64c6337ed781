import { fallbackQueueEngine, type QueueEngine } from '../../lib/queue/engine.js'
import { nativeQueueEngine } from '../../lib/queue/native-lanes.js'
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

/** The queue's class on each engine that can run here. */
export const queueClasses: readonly { kind: 'native' | 'fallback'; Queue: typeof TicketQueue }[] = [
  ...(addon === undefined
    ? []
    : [{ kind: 'native' as const, Queue: queueClassOn(nativeQueueEngine(addon)) }]),
  { kind: 'fallback', Queue: queueClassOn(fallbackQueueEngine) },
]
