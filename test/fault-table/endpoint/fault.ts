import type { Http2Session } from 'node:http2'
import type { Socket } from 'node:net'
import type { Endpoint } from './endpoint.js'
import type { Exchange } from './exchange.js'

/** What an endpoint does while its fault is on. What a fault does not define happens as at a healthy endpoint. */
export interface Fault {
  /** When it is switched on. Faults of connections cut those that stand: a kept-alive one would not show them. */
  begin?(endpoint: Endpoint): unknown
  /** When it is switched off. */
  end?(endpoint: Endpoint): unknown
  /** Instead of serving a new connection. */
  connection?(socket: Socket, endpoint: Endpoint): void
  /** Beside serving a new HTTP/2 session. */
  session?(session: Http2Session): void
  /** Instead of answering a request. */
  request?(exchange: Exchange, endpoint: Endpoint): void
  /** Whether the protocol tells the client that this request was not acted on. Asked before `request`. */
  refuses?(exchange: Exchange): boolean
}

export type Faults = Readonly<Record<string, Fault>>

const cut = (endpoint: Endpoint): void => endpoint.cutConnections()

/** A fault of connections. */
export const onConnection = (connection: NonNullable<Fault['connection']>): Fault => ({
  begin: cut,
  connection,
})
/** A fault of requests. */
export const onRequest = (request: NonNullable<Fault['request']>): Fault => ({ request })
