// What must be in the balancer's shared memory when nothing is under way: read word by word, so that what no statistics show counts too.
import {
  CONTRIBUTION,
  HEADER,
  MARK_BUSY,
  SERVICE,
  SERVICE_SEGMENT_BYTES,
  SERVICE_SEGMENT_RECORDS,
  SLOT,
  serviceContributionWord,
  THREAD,
  TICKET,
  TICKET_STATE,
  threadWord,
} from '../../../dist/engine/layout.js'
import { threadToken } from '../../../dist/engine/threads.js'
import { stateOf, ticketWord } from '../../../dist/engine/tickets.js'

/** Of each service: threads killed before it was found at rest without a grant too many. */
const killsBefore = new Map()

/**
 * All that is not as it should be, in words.
 * @param kills threads that were killed so far
 */
export function notAtRest(balancer, livingThreads, kills) {
  const wrong = []
  const same = (what, is, should) => {
    if (is !== should) wrong.push(`${what}: ${is} instead of ${should}`)
  }
  const { services } = balancer.stats()
  let members = 0
  for (const [name, { inFlight, queue, endpoints }] of Object.entries(services)) {
    same(`${name} inFlight`, inFlight, 0)
    same(`${name} queue.waiting`, queue.waiting, 0)
    for (const [url, one] of Object.entries(endpoints)) {
      members++
      same(`${name} ${url} inFlight`, one.inFlight, 0)
      same(`${name} ${url} unanswered`, one.unanswered, 0)
    }
  }
  same('balancer.inFlight', balancer.inFlight, 0)

  const { handle } = balancer
  const root = new Int32Array(handle.root)
  let slots = 0
  for (const { cells } of handle.segments) {
    const words = new Int32Array(cells)
    for (let at = 0; at < words.length; at += SLOT.WORDS) {
      if ((words[at + SLOT.GENERATION] & 1) === 1) slots++
      for (const field of ['IN_FLIGHT', 'OPEN', 'CLAIM'])
        same(`SLOT.${field} of slot ${at / SLOT.WORDS}`, words[at + SLOT[field]], 0)
    }
  }
  // A service has a slot of its own, for the totals of endpoints that have left.
  same('slots in use', slots, members + Object.keys(services).length)

  const [segment] = handle.services
  const words = new Int32Array(segment, 0, SERVICE_SEGMENT_RECORDS * SERVICE.WORDS)
  if (segment.byteLength % SERVICE_SEGMENT_BYTES(root[HEADER.MAX_THREADS]) !== 0)
    wrong.push('another layout of services')
  for (let service = 0; service < root[HEADER.SERVICES_USED]; service++) {
    const at = service * SERVICE.WORDS
    for (const field of ['WAITING', 'IN_FLIGHT', 'CLAIM'])
      same(`SERVICE.${field} of service ${service}`, words[at + SERVICE[field]], 0)
    // Whose it is tells how it came to stay.
    const records = new Int32Array(segment)
    for (let thread = 0; thread < root[HEADER.THREADS_USED]; thread++) {
      const own = serviceContributionWord(thread, service)
      const use = `of thread ${thread} (holder ${root[threadWord(thread) + THREAD.HOLDER]}) to service ${service}`
      for (const field of ['WAITING', 'IN_FLIGHT'])
        same(`CONTRIBUTION.${field} ${use}`, records[own + CONTRIBUTION[field]], 0)
      same(`busy CONTRIBUTION.MARK ${use}`, records[own + CONTRIBUTION.MARK] & MARK_BUSY, 0)
    }
    // A guess, which may be too low: then one more is granted than there are places, and keeps its turn. A thread that is killed between
    // its reservation and the end of it leaves one too many, until the first that waits next begins it anew. (A6)
    const granted = words[at + SERVICE.GRANTED]
    if (granted <= 0) killsBefore.set(service, kills)
    const since = kills - (killsBefore.get(service) ?? 0)
    if (granted > since)
      wrong.push(`SERVICE.GRANTED of service ${service}: ${granted}, with ${since} kills since it was 0`)
  }

  let threads = 0
  const tokens = new Set([0])
  for (let thread = 0; thread < root[HEADER.THREADS_USED]; thread++) {
    if (root[threadWord(thread) + THREAD.HOLDER] === 0) continue
    threads++
    tokens.add(threadToken(root, thread))
  }
  same('thread records in use', threads, livingThreads)

  // Each free, or left in line by a request that has gone; and nobody's, or a living thread's.
  const tickets = new Int32Array(handle.tickets)
  let [busy, lost] = [0, 0]
  for (let ticket = 0; ticket < root[HEADER.TICKETS_USED]; ticket++) {
    const at = ticketWord(ticket)
    const state = stateOf(tickets[at + TICKET.STATE])
    if (state === TICKET_STATE.WAITING || state === TICKET_STATE.GRANTED) busy++
    if (!tokens.has(tickets[at + TICKET.OWNER])) lost++
  }
  same('tickets that wait or are granted', busy, 0)
  same('tickets of threads that have ended', lost, 0)
  return wrong
}
