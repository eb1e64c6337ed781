/** What runs on the hosts beside etcd, as the parent sees it. */
import { join } from 'node:path'
import { Child } from '../fault-table/parent/child.js'
import { output } from './commands.js'
import type { EtcdCluster } from './etcd-cluster.js'
import { CLIENT_PORT } from './etcd-member.js'
import type { Host } from './network.js'
import type { CallerReport, EndpointChange, NodeReport, View } from './processes.js'
import type { Link } from './relay.js'

const PORT = 8_080
/** For endpoints that are written into etcd by hand. */
const SPARE_PORT = 8_081

/** A state of /proc/net/tcp. */
const ESTABLISHED = '01'

/** `address:port` of /proc/net/tcp's `0100007F:1F90`. */
function addressOf(field: string): string {
  const [address, port] = field.split(':').map((part) => Buffer.from(part, 'hex'))
  return `${[...address].reverse().join('.')}:${port.readUInt16BE()}`
}

interface Run {
  readonly name: string
  readonly host: Host
  readonly script: string
  readonly options: object
  readonly env?: Readonly<Record<string, string>>
}

const run = ({ name, host, script, options, env }: Run): Promise<Child> =>
  Child.start({
    name,
    module: join(import.meta.dirname, script),
    parameters: [JSON.stringify(options)],
    prefix: host.prefix,
    env,
  })

/** A program on a host, and its way to etcd. */
class Program {
  readonly name: string
  readonly host: Host
  readonly #etcd: EtcdCluster
  readonly #link: Link | undefined
  #relays: Child | undefined
  #child: Child | undefined

  constructor(name: string, host: Host, etcd: EtcdCluster, link?: Link) {
    this.name = name
    this.host = host
    this.#etcd = etcd
    this.#link = link
  }

  /** How it ended, where that was not our doing. */
  get end(): string | undefined {
    return this.#child?.end
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.signal(signal)
  }

  async kill(): Promise<void> {
    await this.#child?.kill()
  }

  async close(): Promise<void> {
    await this.kill()
    await this.#relays?.kill()
  }

  protected async run(
    script: string,
    options: object,
    env?: Readonly<Record<string, string>>,
  ): Promise<void> {
    const servers = await this.#servers()
    const { name, host } = this
    this.#child = await run({ name, host, script, options: { ...options, servers }, env })
  }

  protected get child(): Child {
    return this.#child!
  }

  /** URLs of the members, as this host reaches them. */
  async #servers(): Promise<string[]> {
    const routes = await Promise.all(
      this.#etcd.members.map((member) => this.host.routeTo(member.host, CLIENT_PORT)),
    )
    return (await this.#through(routes)).map((address) => `http://${address}`)
  }

  async #through(routes: readonly string[]): Promise<readonly string[]> {
    if (this.#link === undefined) return routes
    if (this.#relays === undefined) {
      const targets = routes.map((route) => {
        const [host, port] = route.split(':')
        return { host, port: Number(port) }
      })
      this.#relays = await run({
        name: `relay of ${this.name}`,
        host: this.host,
        script: 'relay-process.js',
        options: targets,
      })
      await this.#relays.ask('shape', this.#link)
    }
    return this.#relays.ask<string[]>('addresses')
  }
}

export class ServiceNode extends Program {
  /** Under which it registers itself. */
  url = ''
  spareUrl = ''

  async start(env?: Readonly<Record<string, string>>): Promise<void> {
    this.url = `http://${await this.host.expose(PORT)}`
    this.spareUrl = `http://${await this.host.expose(SPARE_PORT)}`
    const { name, host, url } = this
    const options = { name, address: host.address.data, ports: [PORT, SPARE_PORT], endpoint: url }
    await this.run('node.js', options, env)
  }

  report(): Promise<NodeReport> {
    return this.child.ask('report')
  }

  /** As at the end of a deployment. Resolves with its exit code, or the signal that ended it. */
  drain(): Promise<number | NodeJS.Signals> {
    return this.child.terminate()
  }
}

export class Caller extends Program {
  start(env?: Readonly<Record<string, string>>): Promise<void> {
    return this.run('caller.js', {}, env)
  }

  /** Addresses to which it has connections; none where it has no namespace of its own. */
  async peers(): Promise<string[]> {
    if (this.host.prefix.length === 0) return []
    const table = await output([...this.host.prefix, 'cat', '/proc/net/tcp'])
    const lines = table.trim().split('\n').slice(1)
    const fields = lines.map((line) => line.trim().split(/\s+/))
    return fields.filter(([, , , state]) => state === ESTABLISHED).map(([, , remote]) => addressOf(remote))
  }

  begin(perSecond: number): Promise<void> {
    return this.child.ask('begin', perSecond)
  }

  view(): Promise<View> {
    return this.child.ask('view')
  }

  changesSince(since: number): Promise<EndpointChange[]> {
    return this.child.ask('changesSince', since)
  }

  report(): Promise<CallerReport> {
    return this.child.ask('report')
  }
}
