/** Where there are no namespaces: all hosts are addresses of 127.0.0.0/8, and what can be cut goes through relays. */
import type { Cut, Host, Network, Way } from './network.js'
import { Relay } from './relay.js'

const MAX_OCTET = 254

let networks = 0

/** Two runs at a time are not to meet: the process and the network are in the address. */
const stem = (): string => {
  const number = process.pid * 8 + (networks++ % 8)
  return `127.${1 + (number % MAX_OCTET)}.${1 + (Math.floor(number / MAX_OCTET) % MAX_OCTET)}`
}

export class PlainNetwork implements Network {
  readonly kind = 'processes'
  readonly prefix = []
  readonly #stem = stem()
  readonly #hosts: PlainHost[] = []

  async addHost(name: string): Promise<Host> {
    const host = new PlainHost(name, `${this.#stem}.${this.#hosts.length + 1}`)
    this.#hosts.push(host)
    return host
  }

  async close(): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.close()))
  }
}

class PlainHost implements Host {
  readonly name: string
  readonly address: Readonly<Record<Way, string>>
  readonly prefix = []
  readonly #relays: Record<Way, Map<string, Promise<Relay>>> = { control: new Map(), data: new Map() }

  constructor(name: string, address: string) {
    this.name = name
    this.address = { control: address, data: address }
  }

  /** What this host sends goes up. */
  routeTo(other: Host, port: number): Promise<string> {
    return this.#relay('control', { host: other.address.control, port })
  }

  /** What this host sends goes down: it is the one that is called. */
  expose(port: number): Promise<string> {
    return this.#relay('data', { host: this.address.data, port })
  }

  async cut(way: Way, cut: Cut): Promise<void> {
    const isCaller = way === 'control'
    for (const relay of await Promise.all(this.#relays[way].values())) {
      if (cut === 'both') relay.cut('both')
      else relay.cut((cut === 'sent') === isCaller ? 'up' : 'down')
    }
  }

  async heal(way: Way): Promise<void> {
    for (const relay of await Promise.all(this.#relays[way].values())) relay.heal()
  }

  async close(): Promise<void> {
    const all = await Promise.all(Object.values(this.#relays).flatMap((relays) => [...relays.values()]))
    await Promise.all(all.map((relay) => relay.close()))
  }

  async #relay(way: Way, target: { host: string; port: number }): Promise<string> {
    const relays = this.#relays[way]
    const key = `${target.host}:${target.port}`
    const relay = relays.get(key) ?? Relay.listen(target, this.address[way])
    relays.set(key, relay)
    return (await relay).address
  }
}
