/** Where a scenario plays: a cluster of three, three nodes that have registered themselves, and a caller with its load. */
import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs } from '../fault-table/clock.js'
import { EtcdCluster } from './etcd-cluster.js'
import type { Member } from './etcd-member.js'
import { FakeClock } from './faketime.js'
import { Caller, ServiceNode } from './hosts.js'
import type { Network } from './network.js'
import { ETCD_PREFIX, SERVICE } from './processes.js'
import type { Scenario } from './scenario.js'

export const NODE_NAMES = ['a', 'b', 'c']
const REQUESTS_PER_SECOND = 100
const POLL_MS = 50
const REGISTERED_MS = 30_000
const WARM_UP_MS = 1_000
/** For what has no bound of its own: a change that takes so long is not noticed. */
const NOTICED_MS = 30_000

export interface Measure {
  readonly what: string
  readonly ms: number
}

export class Stage {
  readonly network: Network
  readonly etcd: EtcdCluster
  readonly isShort: boolean
  readonly nodes: ServiceNode[] = []
  readonly caller: Caller
  readonly measures: Measure[] = []
  readonly faults: string[] = []
  /** Of the caller and the first node, where the scenario sets it. */
  readonly clock: FakeClock | undefined
  readonly #scenario: Scenario
  #changes = 0
  #spare: { key: string; url: string } | undefined

  private constructor(
    network: Network,
    etcd: EtcdCluster,
    caller: Caller,
    scenario: Scenario,
    isShort: boolean,
  ) {
    this.network = network
    this.etcd = etcd
    this.caller = caller
    this.isShort = isShort
    this.#scenario = scenario
    if (scenario.needs === 'faketime') this.clock = new FakeClock(etcd.folder)
  }

  /** Resolves when the caller knows every node and its load has run for a second. */
  static async open(network: Network, scenario: Scenario, isShort: boolean): Promise<Stage> {
    const etcd = await EtcdCluster.prepare(network, { quotaBytes: scenario.quotaBytes })
    const caller = new Caller('caller', await network.addHost('caller'), etcd, scenario.callerLink)
    const stage = new Stage(network, etcd, caller, scenario, isShort)
    try {
      const nodes = []
      for (const name of NODE_NAMES) nodes.push(await stage.#placeNode(name))
      const clock = stage.clock?.environment
      await Promise.all([etcd.start(), ...nodes.map((node, i) => node.start(i === 0 ? clock : undefined))])
      await stage.waitFor('every node is registered', async () => (await stage.registered()).length === 3)
      await caller.start(clock)
      await stage.waitFor('the caller knows every node', async () => (await caller.view()).urls.length === 3)
      await caller.begin(REQUESTS_PER_SECOND)
      await sleep(WARM_UP_MS)
      return stage
    } catch (error) {
      const kept = etcd.keepLogs()
      await stage.close()
      throw new Error(`set-up: ${(error as Error).message}; the logs of etcd are in ${kept}`, {
        cause: error,
      })
    }
  }

  async addNode(name: string): Promise<ServiceNode> {
    const node = await this.#placeNode(name)
    await node.start()
    return node
  }

  async #placeNode(name: string): Promise<ServiceNode> {
    const host = await this.network.addHost(name)
    const node = new ServiceNode(name, host, this.etcd, this.#scenario.nodeLink)
    this.nodes.push(node)
    return node
  }

  /** The member that the caller asks; any one where that cannot be told. */
  async askedMember(): Promise<Member> {
    const peers = await this.caller.peers()
    const asked = this.etcd.members.find(({ clientAddress }) => peers.includes(clientAddress))
    return asked ?? this.etcd.members[0]
  }

  /** Keys of the service in etcd. */
  registered(): Promise<string[]> {
    return this.etcd.keys(`${ETCD_PREFIX}${SERVICE}/`)
  }

  /** Resolves with the time that it took. */
  async waitFor(what: string, isSo: () => Promise<boolean>, timeoutMs = REGISTERED_MS): Promise<number> {
    const begun = monotonicMs()
    while (!(await isSo())) {
      if (monotonicMs() - begun > timeoutMs)
        throw new Error(`after ${timeoutMs} ms it is not so that ${what}`)
      await sleep(POLL_MS)
    }
    return monotonicMs() - begun
  }

  /**
   * Writes an endpoint into etcd, or takes it out again, and waits until the caller has noticed. Resolves with the time from `since` until
   * then.
   */
  async change(since = monotonicMs(), timeoutMs = NOTICED_MS): Promise<number> {
    const change = await this.writeChange()
    return (await this.noticed(change.type, change.url, since, timeoutMs)) - since
  }

  /** The first half of `change`. */
  async writeChange(): Promise<{ type: 'added' | 'removed'; url: string }> {
    if (this.#spare !== undefined) {
      const { key, url } = this.#spare
      this.#spare = undefined
      await this.etcd.delete(key)
      return { type: 'removed', url }
    }
    const number = this.#changes++
    const url = this.nodes[number % NODE_NAMES.length].spareUrl
    const key = `${ETCD_PREFIX}${SERVICE}/spare-${number}`
    await this.etcd.put(key, JSON.stringify({ url }))
    this.#spare = { key, url }
    return { type: 'added', url }
  }

  /** Waits until the caller has noticed a change of an endpoint; resolves with the moment at which it did. */
  async noticed(type: string, url: string, since: number, timeoutMs = NOTICED_MS): Promise<number> {
    let at: number | undefined
    const isSo = async () => {
      const changes = await this.caller.changesSince(since)
      at = changes.find((change) => change.type === type && sameUrl(change.url, url))?.at
      return at !== undefined
    }
    await this.waitFor(`the caller has noticed: ${type} ${url}`, isSo, timeoutMs)
    return at!
  }

  /** For the table. */
  measure(what: string, ms: number): void {
    this.measures.push({ what, ms })
  }

  expect(isSo: boolean, fault: string): void {
    if (!isSo) this.faults.push(fault)
  }

  /** What the caller knew must be what it knows. */
  async expectKnown(urls: readonly string[], when: string): Promise<void> {
    const known = (await this.caller.view()).urls
    const [had, has] = [urls, known].map((list) => list.map(plain).sort().join(' '))
    this.expect(had === has, `${when} the caller knows ${has || 'nothing'}; it knew ${had}`)
  }

  /** The processes that ended by themselves. */
  get ended(): string[] {
    return [...this.nodes, this.caller].flatMap(({ name, end }) =>
      end === undefined ? [] : [`${name} ended: ${end}`],
    )
  }

  async close(): Promise<void> {
    await Promise.all([...this.nodes, this.caller].map((program) => program.close()))
    await this.etcd.stop()
  }
}

const plain = (url: string): string => url.replace(/\/$/, '')
const sameUrl = (a: string, b: string): boolean => plain(a) === plain(b)
