/**
 * What the Kubernetes API does with EndpointSlices: lists in pages, and watches. Written for these tests from the public pages
 * "Kubernetes API Concepts" and "EndpointSlice v1"; it is no real Kubernetes.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { SliceObject } from './slice.js'

const PATH = /^\/apis\/discovery\.k8s\.io\/v1\/namespaces\/([^/]+)\/endpointslices$/

interface Refusal {
  readonly code: number
  readonly message: string
  readonly retryAfter?: string
}

export interface Asked {
  readonly namespace: string
  readonly query: URLSearchParams
  readonly authorization: string | undefined
}

export class ApiServer {
  readonly lists: Asked[] = []
  readonly watches: Asked[] = []
  /** Refuse each list or watch while they are set. */
  refusesLists: Refusal | undefined
  refusesWatches: Refusal | undefined
  /** Ends each watch as soon as it has begun. */
  endsWatchesAtOnce = false
  /** Slices of a page, whatever is asked for. */
  pageSize = Number.POSITIVE_INFINITY
  /** No watch begins before this version. */
  #oldest = 0
  #version = 100
  #port = 0
  #server: Server | undefined
  readonly #tls: { readonly cert: string; readonly key: string } | undefined
  readonly #slices = new Map<string, SliceObject>()
  readonly #log: { readonly version: number; readonly line: string }[] = []
  readonly #streams = new Set<ServerResponse>()

  constructor(tls?: { readonly cert: string; readonly key: string }) {
    this.#tls = tls
  }

  get port(): number {
    return this.#port
  }

  get origin(): string {
    return `http${this.#tls === undefined ? '' : 's'}://127.0.0.1:${this.#port}`
  }

  get version(): number {
    return this.#version
  }

  /** Watches that are open. */
  get streams(): number {
    return this.#streams.size
  }

  /** Connections that are open. */
  connections(): Promise<number> {
    return new Promise((resolve) => {
      if (this.#server === undefined) resolve(0)
      else this.#server.getConnections((_error, count) => resolve(count))
    })
  }

  /** Again on the port that it had before, if it had one. */
  async start(): Promise<void> {
    const answer = (request: IncomingMessage, response: ServerResponse) => this.#answer(request, response)
    const server = this.#tls === undefined ? createServer(answer) : createTlsServer(this.#tls, answer)
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#port, '127.0.0.1', resolve)
    })
    this.#port = (server.address() as AddressInfo).port
  }

  /** With all its connections; what it knows, it keeps. */
  async goAway(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    this.#streams.clear()
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  }

  put(object: SliceObject): void {
    const type = this.#slices.has(object.metadata.name) ? 'MODIFIED' : 'ADDED'
    const stored = this.#stamped(object)
    this.#slices.set(object.metadata.name, stored)
    this.#tell(type, stored)
  }

  remove(name: string): void {
    const object = this.#slices.get(name)
    if (object === undefined) throw new Error(`there is no ${name}`)
    this.#slices.delete(name)
    this.#tell('DELETED', this.#stamped(object))
  }

  /** Changes it, and tells no watch of it. */
  putUnseen(object: SliceObject): void {
    this.#slices.set(object.metadata.name, this.#stamped(object))
  }

  bookmark(): void {
    this.send(
      event('BOOKMARK', { kind: 'EndpointSlice', metadata: { resourceVersion: String(++this.#version) } }),
    )
  }

  /** To all watches, as it is. */
  send(text: string | Buffer): void {
    for (const stream of this.#streams) stream.write(text)
  }

  /** As after `timeoutSeconds`. */
  endWatches(): void {
    for (const stream of this.#streams) stream.end()
    this.#streams.clear()
  }

  cutWatches(): void {
    for (const stream of this.#streams) stream.destroy()
    this.#streams.clear()
  }

  /** Forgets what was before now: a watch from then on is refused with 410. */
  compact(): void {
    this.#oldest = this.#version
  }

  #stamped(object: SliceObject): SliceObject {
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } }
  }

  #tell(type: string, object: SliceObject): void {
    const line = event(type, object)
    this.#log.push({ version: this.#version, line })
    this.send(line)
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', this.origin)
    const namespace = PATH.exec(pathname)?.[1]
    if (namespace === undefined) return refuse(response, { code: 404, message: 'page not found' })
    const asked = {
      namespace: decodeURIComponent(namespace),
      query,
      authorization: request.headers.authorization,
    }
    if (query.get('watch') === '1') this.#watch(asked, response)
    else this.#list(asked, response)
  }

  #list(asked: Asked, response: ServerResponse): void {
    this.lists.push(asked)
    if (this.refusesLists !== undefined) return refuse(response, this.refusesLists)
    const { query } = asked
    const begin = Number(query.get('continue') ?? 0)
    const end = begin + Math.min(this.pageSize, Number(query.get('limit')))
    const items = [...this.#slices.values()]
    response.setHeader('content-type', 'application/json')
    response.end(
      JSON.stringify({
        kind: 'EndpointSliceList',
        metadata: {
          resourceVersion: String(this.#version),
          ...(end < items.length && { continue: String(end) }),
        },
        items: items.slice(begin, end),
      }),
    )
  }

  #watch(asked: Asked, response: ServerResponse): void {
    this.watches.push(asked)
    if (this.refusesWatches !== undefined) return refuse(response, this.refusesWatches)
    const from = Number(asked.query.get('resourceVersion'))
    if (from < this.#oldest)
      return refuse(response, { code: 410, message: `too old resource version: ${from}` })
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    for (const { version, line } of this.#log) if (version > from) response.write(line)
    if (this.endsWatchesAtOnce) return void response.end()
    this.#streams.add(response)
    response.on('close', () => this.#streams.delete(response))
  }
}

/** A line of a watch. */
export const event = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`

/** The `Status` that the API answers with when it does not do what it is asked. */
export const status = ({ code, message }: Refusal) => ({ kind: 'Status', status: 'Failure', code, message })

function refuse(response: ServerResponse, refusal: Refusal): void {
  const { code, retryAfter } = refusal
  response.writeHead(code, {
    'content-type': 'application/json',
    ...(retryAfter !== undefined && { 'retry-after': retryAfter }),
  })
  response.end(JSON.stringify(status(refusal)))
}
