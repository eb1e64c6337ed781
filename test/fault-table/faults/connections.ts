/** Faults of listening and of connections, below any protocol. */
import type { Socket } from 'node:net'
import { DescriptorHog } from '../descriptors.js'
import type { Endpoint } from '../endpoint/endpoint.js'
import { type Faults, onConnection } from '../endpoint/fault.js'
import { FullBacklog } from './full-backlog.js'

const hog = new DescriptorHog()
const backlog = new FullBacklog()

/** An idle connection lives this long after an answer, at random, ms: about as long as it takes for the next request. */
const REUSE_RACE_MS = 30
/** Nobody listens for this long before the port is taken by another listener, ms. */
const RELEASE_MS = 20

const release = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, RELEASE_MS))

function stop(endpoint: Endpoint): void {
  endpoint.stopListening()
  endpoint.cutConnections()
}

/** Serves a connection's first request, and resets the connection when more bytes come: the next request is never read. */
function resetOnReuse(socket: Socket, endpoint: Endpoint): void {
  endpoint.serve(socket)
  let answered = false
  const write = socket.write.bind(socket) as (...given: unknown[]) => boolean
  socket.write = (...given: unknown[]) => {
    answered = true
    return write(...given)
  }
  socket.prependListener('data', () => {
    if (answered) socket.resetAndDestroy()
  })
}

export const CONNECTION_FAULTS: Faults = {
  refuse: { begin: stop, end: (endpoint) => endpoint.listen() },
  'reset-on-accept': onConnection((socket) => void socket.resetAndDestroy()),
  'close-on-accept': onConnection((socket) => void socket.end()),
  // Accepted, and never read from.
  'silent-connection': onConnection((socket) => void socket.pause()),
  'backlog-full': {
    async begin(endpoint) {
      stop(endpoint)
      await release()
      await backlog.begin(endpoint.port)
    },
    async end(endpoint) {
      await backlog.end()
      await endpoint.listen()
    },
  },
  descriptors: {
    begin(endpoint) {
      hog.take()
      endpoint.cutConnections()
    },
    end: () => hog.release(),
  },
  // A server whose idle time-out is about the time between two requests, and which does not say so.
  'idle-close-race': {
    begin: (endpoint) => endpoint.cutConnections(),
    request(exchange) {
      const { socket } = exchange
      exchange.answer()
      exchange.response.once('finish', () => setTimeout(() => socket.end(), Math.random() * REUSE_RACE_MS))
    },
  },
  'reset-on-reuse': onConnection(resetOnReuse),
}
