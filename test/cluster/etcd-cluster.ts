/** A cluster of three real etcd members. */
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { has, isAlive, output } from './commands.js'
import { Member } from './etcd-member.js'
import type { Network } from './network.js'

const MEMBERS = ['m1', 'm2', 'm3']
/** With the pid of the run: whose it is can be told when the run is gone. */
const FOLDER = /^fairlead-etcd-(\d+)-/
const START_MS = 30_000
const POLL_MS = 50
/** What a single write may take where there is a quorum. */
const WRITE_MS = 2_000
/** A member that is stopped does not answer. */
const STATUS_TIMEOUT = '1s'

/** undefined where there is an etcd to test with; else what is missing. */
export function whyNoEtcd(): string | undefined {
  if (process.platform !== 'linux') return 'the cluster needs Linux'
  const missing = ['etcd', 'etcdctl', 'setpriv'].find((program) => !has(program))
  return missing === undefined ? undefined : `\`${missing}\` is missing`
}

/** Folders of the clusters that run now: whatever ends this process removes them, but for those that are to be kept. */
const folders = new Set<string>()
const remove = (folder: string): void => rmSync(folder, { recursive: true, force: true })
process.on('exit', () => folders.forEach(remove))

/** Removes the data of runs that were killed. */
export function sweepData(): void {
  for (const folder of readdirSync(tmpdir())) {
    const pid = FOLDER.exec(folder)?.[1]
    if (pid !== undefined && !isAlive(Number(pid))) remove(join(tmpdir(), folder))
  }
}

export class EtcdCluster {
  readonly folder = mkdtempSync(join(tmpdir(), `fairlead-etcd-${process.pid}-`))
  readonly members: Member[] = []
  readonly #network: Network

  private constructor(network: Network) {
    this.#network = network
    folders.add(this.folder)
  }

  /** Finds places for the members; none of them runs yet. */
  static async prepare(network: Network, options: { quotaBytes?: number } = {}): Promise<EtcdCluster> {
    const cluster = new EtcdCluster(network)
    const hosts = []
    for (const name of MEMBERS) hosts.push(await network.addHost(name))
    for (const host of hosts)
      cluster.members.push(new Member({ host, hosts, folder: cluster.folder, ...options }))
    return cluster
  }

  /** Resolves when it has a leader. */
  async start(): Promise<void> {
    for (const member of this.members) member.start()
    await this.waitForLeader()
  }

  /** The member that leads now; undefined where none says so. */
  async leader(): Promise<Member | undefined> {
    const leads = await Promise.all(this.members.map((member) => this.#leads(member)))
    return this.members.find((_, i) => leads[i])
  }

  async waitForLeader(timeoutMs = START_MS): Promise<Member> {
    const until = performance.now() + timeoutMs
    while (performance.now() < until) {
      const leader = await this.leader()
      if (leader !== undefined) return leader
      await sleep(POLL_MS)
    }
    throw new Error(`etcd has no leader after ${timeoutMs} ms`)
  }

  /** Makes a member the leader, as an operator would. */
  async lead(member: Member): Promise<void> {
    const leader = await this.waitForLeader()
    if (leader === member) return
    const id = await this.#idOf(member)
    // Only the leader hands it over.
    await this.#etcdctl(['--endpoints', leader.clientAddress, 'move-leader', id], START_MS)
  }

  /** Makes another one the leader. */
  async follow(member: Member): Promise<void> {
    if ((await this.waitForLeader()) === member)
      await this.lead(this.members.find((other) => other !== member)!)
  }

  /** Asks whoever answers first of those that run. */
  control(words: readonly string[], timeoutMs = START_MS): Promise<string> {
    const endpoints = this.members.map(({ clientAddress }) => clientAddress).join()
    const bounds = ['--dial-timeout', '2s', '--command-timeout', `${timeoutMs}ms`]
    return this.#etcdctl(['--endpoints', endpoints, ...bounds, ...words], timeoutMs + 2_000)
  }

  put(key: string, value: string): Promise<void> {
    return this.#write(['put', '--', key, value])
  }

  delete(key: string): Promise<void> {
    return this.#write(['del', '--', key])
  }

  async keys(prefix: string): Promise<string[]> {
    const lines = (await this.control(['get', '--prefix', '--keys-only', '--', prefix])).split('\n')
    return lines.filter((line) => line !== '')
  }

  /** Resolves when there is a quorum. */
  waitForWrites(): Promise<void> {
    return this.put('harness/quorum', 'there')
  }

  /** Forgets what was before now: a watch from an older revision is refused. */
  async compact(): Promise<number> {
    const revision = await this.revision()
    await this.control(['compact', '--physical', String(revision)])
    return revision
  }

  async revision(): Promise<number> {
    const { header } = JSON.parse(await this.control(['get', 'harness/none', '--write-out', 'json']))
    return header.revision
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()))
    folders.delete(this.folder)
    remove(this.folder)
  }

  /** Copies the logs of the members; returns the folder that has them. */
  keepLogs(): string {
    const kept = mkdtempSync(join(tmpdir(), 'fairlead-cluster-logs-'))
    for (const { logPath } of this.members)
      if (existsSync(logPath)) copyFileSync(logPath, join(kept, basename(logPath)))
    return kept
  }

  /** Again and again until it succeeds: both kinds of writes may be repeated. */
  async #write(words: readonly string[]): Promise<void> {
    const until = performance.now() + START_MS
    for (;;) {
      try {
        await this.control(words, WRITE_MS)
        return
      } catch (error) {
        if (performance.now() > until) throw error
        await sleep(POLL_MS)
      }
    }
  }

  async #idOf({ name }: Member): Promise<string> {
    const lines = (await this.control(['member', 'list'])).split('\n')
    const line = lines.find((one) => one.split(', ')[2] === name)
    if (line === undefined) throw new Error(`etcd has no member ${name}`)
    return line.split(', ', 1)[0]
  }

  async #leads(member: Member): Promise<boolean> {
    if (!member.isRunning) return false
    const words = ['--endpoints', member.clientAddress, '--dial-timeout', STATUS_TIMEOUT]
    try {
      const json = await this.#etcdctl(
        [...words, '--command-timeout', STATUS_TIMEOUT, 'endpoint', 'status', '--write-out', 'json'],
        2_500,
      )
      const [{ Status: status }] = JSON.parse(json)
      return status.leader !== 0 && status.leader === status.header.member_id
    } catch {
      return false
    }
  }

  #etcdctl(words: readonly string[], timeoutMs: number): Promise<string> {
    return output([...this.#network.prefix, 'etcdctl', ...words], { timeoutMs, env: { ETCDCTL_API: '3' } })
  }
}
