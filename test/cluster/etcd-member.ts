/** One member of an etcd cluster: a real process, its data in a folder. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { ENDS_WITH_PARENT, type Host } from './network.js'

export const CLIENT_PORT = 2_379
const PEER_PORT = 2_380

export interface MemberOptions {
  readonly host: Host
  /** Of the cluster: data and logs. */
  readonly folder: string
  /** Every member of the cluster, itself too. */
  readonly hosts: readonly Host[]
  /** How large the data may become; etcd's default where it is left out. */
  readonly quotaBytes?: number
}

/** Every member that runs now: whatever ends this process ends them. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export class Member {
  readonly host: Host
  readonly #options: MemberOptions
  #process: ChildProcess | undefined

  constructor(options: MemberOptions) {
    this.host = options.host
    this.#options = options
  }

  get name(): string {
    return this.host.name
  }

  /** `address:port` for those that see every host. */
  get clientAddress(): string {
    return `${this.host.address.control}:${CLIENT_PORT}`
  }

  get logPath(): string {
    return join(this.#options.folder, `${this.name}.log`)
  }

  get isRunning(): boolean {
    return this.#process !== undefined && running.has(this.#process)
  }

  /** Begins it, with the data of the time before. */
  start(): void {
    const log = openSync(this.logPath, 'a')
    const [program, ...args] = [...this.#prefix, 'etcd', ...this.#arguments]
    const child = spawn(program, args, { stdio: ['ignore', log, log] })
    closeSync(log)
    running.add(child)
    child.on('error', () => running.delete(child))
    child.on('exit', () => running.delete(child))
    this.#process = child
  }

  /** As a crash would. */
  async kill(): Promise<void> {
    if (!this.isRunning) return
    const ended = once(this.#process!, 'exit')
    this.#process!.kill('SIGKILL')
    await ended
  }

  pause(): void {
    this.#process?.kill('SIGSTOP')
  }

  resume(): void {
    this.#process?.kill('SIGCONT')
  }

  get #prefix(): readonly string[] {
    return this.host.prefix.length > 0 ? this.host.prefix : ENDS_WITH_PARENT
  }

  get #arguments(): string[] {
    const { host, hosts, folder, quotaBytes } = this.#options
    const peer = ({ address }: Host): string => `http://${address.control}:${PEER_PORT}`
    const client = `http://${this.clientAddress}`
    return [
      ...['--name', host.name, '--data-dir', join(folder, host.name)],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer(host), '--initial-advertise-peer-urls', peer(host)],
      ...['--initial-cluster', hosts.map((one) => `${one.name}=${peer(one)}`).join()],
      ...['--initial-cluster-token', folder, '--logger', 'zap', '--log-level', 'info'],
      ...(quotaBytes === undefined ? [] : ['--quota-backend-bytes', String(quotaBytes)]),
    ]
  }
}
