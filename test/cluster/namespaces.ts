/** A network of Linux network namespaces: each host is one, and two bridges in another one join them. */
import { has, isAlive, output } from './commands.js'
import { type Cut, ENDS_WITH_PARENT, type Host, type Network, type Way } from './network.js'

/** `fairlead-<pid of the run>-<number>-<host>`: whose they are can be told when the run is gone. */
const NAME = /^fairlead-(\d+)-\d+-[a-z0-9]+$/
const HUB = 'hub'
/** They exist in these namespaces alone, so every run has the same. */
const SUBNET: Record<Way, string> = { control: '10.77.1', data: '10.77.2' }
const HUB_NUMBER = 254
const DEVICE: Record<Way, string> = { control: 'eth0', data: 'eth1' }
const WAYS: readonly Way[] = ['control', 'data']
/** Locally administered, and nobody's. */
const NOBODY = '02:00:00:00:00:99'

const ip = (...words: string[]): Promise<string> => output(['ip', ...words])
/** Several commands in a namespace, by one process. */
const batch = (namespace: string, lines: readonly string[]): Promise<string> =>
  output(['ip', '-n', namespace, '-batch', '-'], { input: `${lines.join('\n')}\n` })
const inside = (namespace: string): string[] => [...ENDS_WITH_PARENT, 'ip', 'netns', 'exec', namespace]

let networks = 0

/** undefined where namespaces can be made; else why they cannot. */
export async function whyNoNamespaces(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'network namespaces are Linux'
  if (process.getuid?.() !== 0) return 'network namespaces are made by root'
  if (!has('ip')) return '`ip` (iproute2) is missing'
  const network = new NamespaceNetwork()
  try {
    await network.addHost('probe')
    return undefined
  } catch (error) {
    return (error as Error).message
  } finally {
    await network.close()
  }
}

export const canNamespaces = async (): Promise<boolean> => (await whyNoNamespaces()) === undefined

/** Removes what runs of ours have left that were killed: their namespaces, and the processes in them. */
export async function sweepNamespaces(): Promise<string[]> {
  const left = (await namespaceNames()).filter((name) => {
    const pid = NAME.exec(name)?.[1]
    return pid !== undefined && !isAlive(Number(pid))
  })
  await Promise.all(left.map(removeNamespace))
  return left
}

export async function namespaceNames(): Promise<string[]> {
  const lines = (await ip('netns', 'list')).split('\n')
  return lines.map((line) => line.split(' ', 1)[0]).filter((name) => name !== '')
}

/** Its interfaces, and the far ends of its veths, go with it. */
async function removeNamespace(name: string): Promise<void> {
  const pids = await ip('netns', 'pids', name).catch(() => '')
  // All of them were started by the run whose namespace it is.
  for (const pid of pids.split('\n').filter((line) => line !== '')) killIfThere(Number(pid))
  await ip('netns', 'delete', name).catch(() => {})
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {}
}

export class NamespaceNetwork implements Network {
  readonly kind = 'namespaces'
  readonly #stem = `fairlead-${process.pid}-${++networks}-`
  readonly #hosts: NamespaceHost[] = []
  #hub: Promise<void> | undefined

  get prefix(): readonly string[] {
    return inside(this.#stem + HUB)
  }

  async addHost(name: string): Promise<Host> {
    this.#hub ??= this.#addHub()
    await this.#hub
    const host = new NamespaceHost(name, this.#stem, this.#hosts.length + 1, this.#hosts)
    this.#hosts.push(host)
    await host.create()
    return host
  }

  async close(): Promise<void> {
    const own = (await namespaceNames()).filter((name) => name.startsWith(this.#stem))
    await Promise.all(own.map(removeNamespace))
  }

  async #addHub(): Promise<void> {
    const hub = this.#stem + HUB
    await ip('netns', 'add', hub)
    const bridges = WAYS.flatMap((way) => [
      `link add ${way} type bridge`,
      `address add ${SUBNET[way]}.${HUB_NUMBER}/24 dev ${way}`,
      `link set ${way} up`,
    ])
    await batch(hub, ['link set lo up', ...bridges])
  }
}

class NamespaceHost implements Host {
  readonly name: string
  readonly address: Readonly<Record<Way, string>>
  readonly #namespace: string
  readonly #hub: string
  readonly #others: readonly NamespaceHost[]

  constructor(name: string, stem: string, number: number, others: readonly NamespaceHost[]) {
    this.name = name
    this.address = { control: `${SUBNET.control}.${number}`, data: `${SUBNET.data}.${number}` }
    this.#namespace = stem + name
    this.#hub = stem + HUB
    this.#others = others
  }

  get prefix(): readonly string[] {
    return inside(this.#namespace)
  }

  async create(): Promise<void> {
    await ip('netns', 'add', this.#namespace)
    const near = WAYS.flatMap((way) => [
      // Both ends are made where they belong: nothing passes through the machine's own namespace.
      `link add ${DEVICE[way]} type veth peer name ${this.#farEnd(way)} netns ${this.#hub}`,
      `address add ${this.address[way]}/24 dev ${DEVICE[way]}`,
      `link set ${DEVICE[way]} up`,
    ])
    await batch(this.#namespace, ['link set lo up', ...near])
    const far = WAYS.flatMap((way) => [
      `link set ${this.#farEnd(way)} master ${way}`,
      `link set ${this.#farEnd(way)} up`,
    ])
    await batch(this.#hub, far)
  }

  async routeTo(other: Host, port: number): Promise<string> {
    return `${other.address.control}:${port}`
  }

  async expose(port: number): Promise<string> {
    return `${this.address.data}:${port}`
  }

  async cut(way: Way, cut: Cut): Promise<void> {
    if (cut === 'both') await ip('-n', this.#hub, 'link', 'set', this.#farEnd(way), 'down')
    else if (cut === 'sent') await this.#misdirect(way, this.#others)
    else await Promise.all(this.#others.map((other) => other.#misdirect(way, [this])))
  }

  async heal(way: Way): Promise<void> {
    await ip('-n', this.#hub, 'link', 'set', this.#farEnd(way), 'up')
    const rest = this.#others.filter((other) => other !== this)
    await Promise.all(rest.flatMap((other) => [this.#forget(way, other), other.#forget(way, this)]))
  }

  /** Sends what is for these hosts to a neighbour that is not there. */
  async #misdirect(way: Way, hosts: readonly NamespaceHost[]): Promise<void> {
    for (const host of hosts)
      if (host !== this)
        await ip(
          ...['-n', this.#namespace, 'neighbour', 'replace', host.address[way]],
          ...['lladdr', NOBODY, 'dev', DEVICE[way], 'nud', 'permanent'],
        )
  }

  async #forget(way: Way, host: NamespaceHost): Promise<void> {
    const words = ['neighbour', 'delete', host.address[way], 'dev', DEVICE[way]]
    // Nothing was known of it, or its namespace is gone.
    await ip('-n', this.#namespace, ...words).catch(() => {})
  }

  #farEnd(way: Way): string {
    return `${this.name}-${way[0]}`
  }
}
