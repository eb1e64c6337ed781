import type { FromServer, ServerJob, ToServer } from './messages.js'
import { Peer } from './processes.js'
import { ENDPOINT_NAMES, type EndpointName, type Phase, SLOW_FACTOR, type Workplace } from './script.js'

type ServerPeer = Peer<FromServer, ToServer>

/** The three servers of one client. */
export class DemoEndpoints {
  readonly ports = {} as Record<EndpointName, number>
  readonly #workplaces: Readonly<Record<EndpointName, Workplace>>
  readonly #peers = new Map<EndpointName, ServerPeer>()

  constructor(workplaces: Readonly<Record<EndpointName, Workplace>>) {
    this.#workplaces = workplaces
  }

  async start(): Promise<void> {
    await Promise.all(ENDPOINT_NAMES.map((name) => this.#open(name, 0)))
  }

  /** Makes a phase of the script true; resolves when it is. */
  async enter(phase: Phase, name: EndpointName): Promise<void> {
    if (phase === 'slow') await this.#setFactor(name, SLOW_FACTOR)
    else if (phase === 'recovered') await this.#setFactor(name, 1)
    else if (phase === 'dead') await this.#peers.get(name)!.kill()
    else if (phase === 'revived') await this.#open(name, this.ports[name])
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#peers.values()].map((peer) => peer.kill()))
  }

  async #open(name: EndpointName, port: number): Promise<void> {
    const job: ServerJob = { name, port, ...this.#workplaces[name] }
    const peer: ServerPeer = new Peer('./server.js', `endpoint ${name}`, job)
    this.#peers.set(name, peer)
    this.ports[name] = (await peer.next('listening')).port
  }

  async #setFactor(name: EndpointName, factor: number): Promise<void> {
    const peer = this.#peers.get(name)!
    const done = peer.next('factor-set')
    peer.send({ type: 'factor', factor })
    await done
  }
}
