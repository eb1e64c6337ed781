/** What a call of etcd gives. */
export interface EtcdAnswer {
  readonly answer: Record<string, unknown>
  /** Of the server and the call, for messages. */
  readonly name: string
}
