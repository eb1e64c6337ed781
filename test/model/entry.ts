/** What of the fallback's queue runs in the model: the shipped sources, from a port down. */
export { FallbackLanes } from '../../lib/queue/fallback-lanes.js'
export { TicketMemory } from '../../lib/queue/memory.js'
export { TicketPort } from '../../lib/queue/ticket-port.js'
