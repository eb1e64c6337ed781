import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EndpointOptions } from '../endpoint/endpoint.js'
import { type LoggedRequest, RequestLog } from '../endpoint/request-log.js'
import { ENDPOINT_NAMES, type EndpointName, faultyEndpoints, type Row } from '../row.js'
import { Child } from './child.js'

const MODULE = join(import.meta.dirname, '../endpoint/main.js')
/** Below the range from which the kernel takes ports for outgoing connections: an endpoint can have its own back. */
const PORTS = { from: 18_000, to: 30_000 }
const PORT_ATTEMPTS = 50

/** Folders of the rows that run now: whatever ends this process removes them. */
const folders = new Set<string>()
const remove = (folder: string): void => rmSync(folder, { recursive: true, force: true })
process.on('exit', () => folders.forEach(remove))

let nextPort = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from))
function takePort(): number {
  nextPort = nextPort >= PORTS.to ? PORTS.from : nextPort + 1
  return nextPort
}

/** The endpoints of a row: three processes. Each is another one after it was killed, at the same port. */
export class Fleet {
  readonly ports: Record<string, number> = {}
  readonly #row: Row
  readonly #folder = mkdtempSync(join(tmpdir(), 'fairlead-faults-'))
  readonly #children = new Map<EndpointName, Child>()

  private constructor(row: Row) {
    this.#row = row
    folders.add(this.#folder)
  }

  static async start(row: Row): Promise<Fleet> {
    const fleet = new Fleet(row)
    try {
      await Promise.all(ENDPOINT_NAMES.map((name) => fleet.#startSomewhere(name)))
    } catch (error) {
      await fleet.close()
      throw error
    }
    return fleet
  }

  get faulty(): Child[] {
    return faultyEndpoints(this.#row).map((name) => this.#children.get(name)!)
  }

  /** Kills the faulty endpoints, as a crash would. */
  async kill(): Promise<void> {
    await Promise.all(this.faulty.map((child) => child.kill()))
  }

  /** New processes for the faulty endpoints. */
  async restart(): Promise<void> {
    await Promise.all(faultyEndpoints(this.#row).map((name) => this.#start(name, this.ports[name])))
  }

  /** What each endpoint has read. */
  requests(): Record<EndpointName, LoggedRequest[]> {
    const read = (name: EndpointName) => RequestLog.read(this.#logOf(name))
    return { a: read('a'), b: read('b'), c: read('c') }
  }

  /** The endpoints that ended by themselves. */
  get ended(): string[] {
    return [...this.#children.values()].flatMap(({ name, end }) =>
      end === undefined ? [] : [`endpoint ${name} ended: ${end}`],
    )
  }

  async close(): Promise<void> {
    await Promise.all([...this.#children.values()].map((child) => child.kill()))
    remove(this.#folder)
    folders.delete(this.#folder)
  }

  async #startSomewhere(name: EndpointName): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const port = takePort()
      try {
        await this.#start(name, port)
        this.ports[name] = port
        return
      } catch (error) {
        if (attempt === PORT_ATTEMPTS || !String(error).includes('EADDRINUSE')) throw error
      }
    }
  }

  async #start(name: EndpointName, port: number): Promise<void> {
    const { protocol, closing = false, place, fault, descriptors } = this.#row
    const isFaulty = faultyEndpoints(this.#row).includes(name)
    const options: EndpointOptions = { name, port, protocol, closing, log: this.#logOf(name) }
    const child = await Child.start({
      name,
      module: MODULE,
      parameters: [JSON.stringify(options), isFaulty && place === 'endpoint' ? fault : 'none'],
      descriptors: isFaulty && descriptors?.of === 'endpoint' ? descriptors.most : undefined,
    })
    this.#children.set(name, child)
  }

  #logOf(name: EndpointName): string {
    return join(this.#folder, `${name}.log`)
  }
}
