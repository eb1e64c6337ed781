import type { Suite } from './harness/suite.js'
import { aloneRows } from './queue/alone.js'
import { memoryRows } from './queue/memory.js'
import { requestRows } from './queue/requests.js'
import { ticketRows } from './queue/tickets.js'
import { viewsRows } from './queue/views.js'

export const queue: Suite = {
  name: 'queue',
  about: 'numbers and bytes between two threads, and within one; memory of an idle queue',
  async run(run) {
    return [
      ...(await ticketRows(run)),
      ...(await requestRows(run)),
      ...(await viewsRows(run)),
      ...(await aloneRows(run)),
      ...(await memoryRows(run)),
    ]
  },
}
