/**
 * What Consul's agent does with `/v1/health/service/:service`: answers at once, or holds the request until the index is past the
 * one that is named. Written for these tests from the public pages "Health HTTP Endpoint" and "Blocking Queries"; it is no real
 * Consul.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

const PATH = /^(?:\/behind)?\/v1\/health\/service\/([^/]+)$/
const WAIT = /^(\d+)ms$/

export interface Asked {
  readonly service: string
  readonly query: URLSearchParams
  readonly token: string | undefined
}

interface Held {
  readonly asked: Asked
  readonly response: ServerResponse
  readonly timer: NodeJS.Timeout
}

type Status = 'passing' | 'warning' | 'critical'

export interface Instance {
  readonly Node: Record<string, unknown>
  readonly Service: Record<string, unknown>
  readonly Checks: readonly Record<string, unknown>[]
}

/** An instance as the API writes it, on a node of its own. */
export function instance(
  address: string,
  port: number,
  service: object = {},
  node: object = {},
  status: Status = 'passing',
): Instance {
  const name = `node-${address}`
  return {
    Node: {
      ID: '40e4a748',
      Node: name,
      Address: address,
      Datacenter: 'dc1',
      TaggedAddresses: { lan: address },
      Meta: {},
      ...node,
    },
    Service: {
      ID: `users-${port}`,
      Service: 'users',
      Tags: [],
      Address: '',
      Meta: {},
      Port: port,
      Weights: { Passing: 1, Warning: 1 },
      ...service,
    },
    Checks: [
      { Node: name, CheckID: 'serfHealth', Name: 'Serf Health Status', Status: 'passing', Output: '' },
      { Node: name, CheckID: 'service:users', Name: 'users', Status: status, Output: '' },
    ],
  }
}

export class ConsulServer {
  /** All that was asked, as it came. */
  readonly asked: Asked[] = []
  /** Answers each request in its own way while it is set. */
  answers: ((response: ServerResponse, asked: Asked) => void) | undefined
  /** The header, whatever the index is. */
  saysIndex: string | undefined
  /** Holds no request. */
  isHasty = false
  #index = 100
  #instances: readonly unknown[] = []
  #port = 0
  #server: Server | undefined
  readonly #tls: { readonly cert: string; readonly key: string } | undefined
  readonly #held = new Set<Held>()

  constructor(tls?: { readonly cert: string; readonly key: string }) {
    this.#tls = tls
  }

  get origin(): string {
    return `http${this.#tls === undefined ? '' : 's'}://127.0.0.1:${this.#port}`
  }

  /** Requests that are held. */
  get held(): number {
    return this.#held.size
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
    for (const { timer } of this.#held) clearTimeout(timer)
    this.#held.clear()
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  }

  /** Another list, at the next index or at the one that is said. */
  put(instances: readonly unknown[], index = this.#index + 1): void {
    this.#instances = instances
    this.#index = index
    for (const held of this.#held) if (this.#isPast(held.asked)) this.#release(held)
  }

  /** Answers all that it holds, as where a write has changed nothing or their time is over. */
  releaseAll(): void {
    for (const held of this.#held) this.#release(held)
  }

  /** As after a snapshot of long ago was restored: the index is lower, and who waits is answered. */
  restore(instances: readonly unknown[], index: number): void {
    this.#instances = instances
    this.#index = index
    this.releaseAll()
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', this.origin)
    const service = PATH.exec(pathname)?.[1]
    const token = request.headers['x-consul-token']
    const asked = {
      service: decodeURIComponent(service ?? pathname),
      query,
      token: token as string | undefined,
    }
    this.asked.push(asked)
    if (this.answers !== undefined) return this.answers(response, asked)
    if (service === undefined) return void response.writeHead(404).end('404 page not found')
    if (this.isHasty || this.#isPast(asked)) this.send(response, asked)
    else this.#hold(response, asked)
  }

  #hold(response: ServerResponse, asked: Asked): void {
    const waitMs = Number(WAIT.exec(asked.query.get('wait') ?? '')?.[1] ?? 300_000)
    const held: Held = { asked, response, timer: setTimeout(() => this.#release(held), waitMs) }
    this.#held.add(held)
    response.on('close', () => {
      clearTimeout(held.timer)
      this.#held.delete(held)
    })
  }

  #isPast({ query }: Asked): boolean {
    return this.#index > Number(query.get('index') ?? 0)
  }

  #release(held: Held): void {
    clearTimeout(held.timer)
    this.#held.delete(held)
    this.send(held.response, held.asked)
  }

  /** The list as it is, as an answer. */
  send(response: ServerResponse, { query }: Asked): void {
    const isWanted = (one: unknown): boolean => {
      const { Checks, Service } = one as Instance
      const tag = query.get('tag')
      return (
        (query.get('passing') === null ||
          !Array.isArray(Checks) ||
          Checks.every(({ Status }) => Status === 'passing')) &&
        (tag === null || (Service.Tags as string[]).includes(tag))
      )
    }
    response.writeHead(200, {
      'content-type': 'application/json',
      'x-consul-index': this.saysIndex ?? String(this.#index),
      'x-consul-knownleader': 'true',
      'x-consul-lastcontact': '0',
    })
    response.end(JSON.stringify(this.#instances.filter(isWanted)))
  }
}
