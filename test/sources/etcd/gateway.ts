/** A server that answers like etcd's JSON gateway, or as a test says. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Message = Record<string, unknown>
export interface Asked {
  readonly method: string
  readonly message: Message
  readonly authorization: string | undefined
}
/** undefined: as usual. */
export type Script = (asked: Asked, response: ServerResponse) => boolean | undefined

export const base64 = (text: string | Uint8Array): string => Buffer.from(text as string).toString('base64')
const text = (value: unknown): string => Buffer.from(value as string, 'base64').toString()

export class Gateway {
  readonly asked: Asked[] = []
  /** What a watch is answered with from now on; those that are open are in `watches`. */
  readonly watches = new Set<ServerResponse>()
  script: Script = () => undefined
  revision = 10
  pageSize = Number.POSITIVE_INFINITY
  readonly #keys = new Map<string, { value: string; revision: number }>()
  #server: Server | undefined
  #port = 0

  async start(): Promise<void> {
    const server = createServer((request, response) => void this.#answer(request, response))
    this.#server = server.listen(this.#port, '127.0.0.1')
    await once(server, 'listening')
    this.#port = (server.address() as AddressInfo).port
  }

  async goAway(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    server?.closeAllConnections()
    if (server !== undefined) await new Promise((resolve) => server.close(resolve))
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get header(): Message {
    return { cluster_id: '1', member_id: '1', revision: String(this.revision), raft_term: '2' }
  }

  calls(method: string): Message[] {
    return this.asked.filter((one) => one.method === method).map(({ message }) => message)
  }

  /** Stores it without telling a watch. */
  store(key: string, value: string): Message {
    this.#keys.set(key, { value, revision: ++this.revision })
    return { kv: this.#kvOf(key) }
  }

  forget(key: string): Message {
    this.#keys.delete(key)
    return { type: 'DELETE', kv: { key: base64(key), mod_revision: String(++this.revision) } }
  }

  put(key: string, value: string): void {
    this.tell({ header: this.header, events: [this.store(key, value)] })
  }

  remove(key: string): void {
    this.tell({ header: this.header, events: [this.forget(key)] })
  }

  /** To all watches: an answer. */
  tell(result: Message): void {
    this.write(`${JSON.stringify({ result })}\n`)
  }

  write(chunk: string): void {
    for (const watch of this.watches) watch.write(chunk)
  }

  cutWatches(): void {
    for (const watch of this.watches) watch.destroy()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const chunk of request) body += chunk
    const asked = {
      method: (request.url as string).replace('/v3/', ''),
      message: JSON.parse(body) as Message,
      authorization: request.headers.authorization,
    }
    this.asked.push(asked)
    if (this.script(asked, response)) return
    if (asked.method === 'kv/range') this.#range(asked.message, response)
    else if (asked.method === 'watch') this.#watch(response)
    else refuse(response, 404, 5, 'not found')
  }

  #range(message: Message, response: ServerResponse): void {
    const [start, end] = [text(message.key), text(message.range_end)]
    const all = [...this.#keys.keys()].filter((key) => key >= start && key < end).sort()
    const since = Number(message.min_mod_revision ?? 0)
    const wanted = all.filter((key) => (this.#keys.get(key)?.revision ?? 0) >= since)
    const page = wanted.slice(0, Math.min(Number(message.limit), this.pageSize))
    send(response, {
      header: this.header,
      kvs: page.map((key) => this.#kvOf(key)),
      count: String(all.length),
      more: page.length < wanted.length,
    })
  }

  #watch(response: ServerResponse): void {
    this.watches.add(response)
    response.on('close', () => this.watches.delete(response))
    response.write(`${JSON.stringify({ result: { header: this.header, created: true } })}\n`)
  }

  #kvOf(key: string): Message {
    const { value, revision } = this.#keys.get(key) as { value: string; revision: number }
    return { key: base64(key), value: base64(value), mod_revision: String(revision) }
  }
}

export function send(response: ServerResponse, message: unknown, status = 200): true {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(typeof message === 'string' ? message : JSON.stringify(message))
  return true
}

/** As the gateway writes errors of gRPC. */
export const refuse = (response: ServerResponse, status: number, code: number, message: string): true =>
  send(response, { error: message, message, code }, status)
