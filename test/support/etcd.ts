/** A real etcd on loopback: one member or several, each a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { freePort } from '../sources/dns/dnsmasq.js'

const PLACES = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/local/bin']
export const ETCD = PLACES.map((place) => join(place, 'etcd')).find((path) => existsSync(path))
/** Why tests with a real etcd are skipped, for their names. */
export const WITH_ETCD = ETCD === undefined ? 'etcd (skipped: it is not installed)' : 'etcd'

const START_MS = 20_000
const CALL_MS = 5_000

export interface Tls {
  readonly caFile: string
  readonly certFile: string
  readonly keyFile: string
}

export class EtcdMember {
  readonly url: string
  readonly #args: readonly string[]
  #child: ChildProcess | undefined
  #log = ''

  constructor(url: string, args: readonly string[]) {
    this.url = url
    this.#args = args
  }

  launch(): void {
    const child = spawn(ETCD ?? 'etcd', [...this.#args], { stdio: ['ignore', 'ignore', 'pipe'] })
    child.stderr?.on('data', (chunk) => {
      this.#log = `${this.#log}${chunk}`.slice(-4_000)
    })
    child.on('error', () => {})
    this.#child = child
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  async restart(): Promise<void> {
    await this.kill()
    this.launch()
  }

  get log(): string {
    return this.#log
  }
}

export class Etcd {
  readonly members: readonly EtcdMember[]
  readonly #folder: string

  private constructor(members: readonly EtcdMember[], folder: string) {
    this.members = members
    this.#folder = folder
  }

  /** Resolves once it has a leader. */
  static async start(count = 1, tls?: Tls): Promise<Etcd> {
    const folder = mkdtempSync(join(tmpdir(), 'fairlead-etcd-'))
    const scheme = tls === undefined ? 'http' : 'https'
    const addresses: { client: string; peer: string }[] = []
    for (let i = 0; i < count; i++)
      addresses.push({
        client: `${scheme}://127.0.0.1:${await freePort()}`,
        peer: `http://127.0.0.1:${await freePort()}`,
      })
    const cluster = addresses.map(({ peer }, i) => `m${i}=${peer}`).join()
    const members = addresses.map(
      ({ client, peer }, i) =>
        new EtcdMember(client, [
          ...['--name', `m${i}`, '--data-dir', join(folder, `m${i}`)],
          ...['--listen-client-urls', client, '--advertise-client-urls', client],
          ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
          ...['--initial-cluster', cluster, '--initial-cluster-token', folder],
          ...(tls === undefined ? [] : ['--cert-file', tls.certFile, '--key-file', tls.keyFile]),
        ]),
    )
    const etcd = new Etcd(members, folder)
    for (const member of members) member.launch()
    try {
      if (tls === undefined) await etcd.ready()
    } catch (error) {
      await etcd.stop()
      throw error
    }
    return etcd
  }

  get servers(): string[] {
    return this.members.map(({ url }) => url)
  }

  /** Resolves once a member answers for the cluster. */
  async ready(): Promise<void> {
    const end = Date.now() + START_MS
    for (;;) {
      try {
        await this.call('kv/range', { key: base64('x') })
        return
      } catch (error) {
        if (Date.now() > end)
          throw new Error(`etcd has not started: ${this.members.map(({ log }) => log).join('\n')}`, {
            cause: error,
          })
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  /** Of the gateway, at the first member that answers. */
  async call(
    method: string,
    message: object,
    headers: Record<string, string> = {},
  ): Promise<Record<string, unknown>> {
    let failure: unknown
    for (const { url } of this.members) {
      try {
        return await callAt(url, method, message, headers)
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  put(key: string, value: string | Uint8Array, lease?: string): Promise<unknown> {
    return this.call('kv/put', { key: base64(key), value: base64(value), ...(lease && { lease }) })
  }

  remove(key: string): Promise<unknown> {
    return this.call('kv/deleterange', { key: base64(key) })
  }

  /** The values by key, of all keys that begin with this. */
  async entries(prefix: string): Promise<Map<string, string>> {
    const { kvs = [] } = await this.call('kv/range', {
      key: base64(prefix),
      range_end: base64(
        `${prefix.slice(0, -1)}${String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)}`,
      ),
    })
    return new Map(
      (kvs as { key: string; value?: string }[]).map(({ key, value = '' }) => [text(key), text(value)]),
    )
  }

  async leases(): Promise<string[]> {
    const { leases = [] } = await this.call('lease/leases', {})
    return (leases as { ID: string }[]).map(({ ID }) => ID)
  }

  /** Forgets all changes but the last one. */
  async compact(): Promise<void> {
    const { header } = (await this.call('kv/range', { key: base64('x') })) as { header: { revision: string } }
    await this.call('kv/compaction', { revision: header.revision, physical: true })
  }

  async leader(): Promise<EtcdMember> {
    for (const member of this.members) {
      const { header, leader } = (await callAt(member.url, 'maintenance/status', {})) as {
        header: { member_id: string }
        leader?: string
      }
      if (header.member_id === leader) return member
    }
    throw new Error('no member of etcd leads')
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()))
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

export const base64 = (value: string | Uint8Array): string => Buffer.from(value as string).toString('base64')
const text = (value: string): string => Buffer.from(value, 'base64').toString()

async function callAt(
  url: string,
  method: string,
  message: object,
  headers: Record<string, string> = {},
): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}/v3/${method}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(message),
    signal: AbortSignal.timeout(CALL_MS),
  })
  const answer = (await response.json()) as Record<string, unknown>
  if (response.status !== 200) throw new Error(`${url} ${method}: ${JSON.stringify(answer)}`)
  return answer
}
