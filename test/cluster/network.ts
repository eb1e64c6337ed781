/** Where the processes of a run are, and what can be done to the ways between them. */

/** Each host has two ways out: `control` leads to etcd, `data` to those who send requests. */
export type Way = 'control' | 'data'

/**
 * What a cut takes: everything, what the host sends (it is not heard), or what it is sent (it is deaf). A cut is silent: packets are
 * lost, and no connection is told.
 */
export type Cut = 'both' | 'sent' | 'received'

export interface Host {
  readonly name: string
  /** Where servers on this host listen. */
  readonly address: Readonly<Record<Way, string>>
  /** What goes before a command that is to run here. */
  readonly prefix: readonly string[]
  /** `address:port` under which this host reaches a port of another one over `control`. */
  routeTo(other: Host, port: number): Promise<string>
  /** `address:port` under which others reach a port of this host over `data`. */
  expose(port: number): Promise<string>
  cut(way: Way, cut: Cut): Promise<void>
  heal(way: Way): Promise<void>
}

export interface Network {
  readonly kind: 'namespaces' | 'processes'
  /** What goes before a command that is to see every host. */
  readonly prefix: readonly string[]
  addHost(name: string): Promise<Host>
  /** Takes everything down, whatever state it is in. */
  close(): Promise<void>
}

/** Third-party programs do not end with their parent: the kernel ends them (Linux). */
export const ENDS_WITH_PARENT = ['setpriv', '--pdeathsig', 'KILL', '--'] as const
