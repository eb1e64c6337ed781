/** The key of one registration: put only where it takes nobody's place. */
import { EndpointTakenError } from '../errors.js'
import { isRecord } from '../options/kinds.js'
import { listOf } from '../sources/etcd/answer.js'
import type { CallOptions, EtcdClient } from '../sources/etcd/client.js'
import { type KeyValue, readKeyValue, recordOf } from '../sources/etcd/key-value.js'
import { toBase64 } from '../sources/etcd/keys.js'
import type { EndpointRecord } from './options.js'

/** A key that changes between two steps is looked at again. */
const MAX_TRIES = 5

/** `changed`: of this lease, with another value, which a change has left that was given up. */
export type FoundKey = 'own' | 'changed' | 'missing' | 'taken'

export class OwnKey {
  readonly name: string
  readonly #client: EtcdClient
  readonly #service: string

  constructor(client: EtcdClient, name: string, service: string) {
    this.#client = client
    this.name = name
    this.#service = service
  }

  /**
   * Puts the record with the lease, where there is none, or one of this lease, or one of the same URL: of a process that was
   * there before.
   * @throws EndpointTakenError where another endpoint has the key
   */
  async put(record: EndpointRecord, lease: string, options: CallOptions): Promise<void> {
    // The revision at which the key was looked at; 0, it is not there.
    let known: Pick<KeyValue, 'modRevision'> = { modRevision: 0n }
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const found = await this.#putAt(known.modRevision, record, lease, options)
      if (found === 'put') return
      if (found !== undefined && found.lease !== lease && urlOf(found) !== record.endpoint.url)
        throw new EndpointTakenError(this.#service, record.endpoint.id, this.name, urlOf(found))
      known = found ?? { modRevision: 0n }
    }
    throw new Error(`the key ${this.name} changes again and again; it was tried ${MAX_TRIES} times`)
  }

  /** What stands there now. */
  async look(record: EndpointRecord, lease: string, options: CallOptions): Promise<FoundKey> {
    const { answer, name } = await this.#client.call('kv/range', { key: toBase64(this.name) }, options)
    const [kv] = listOf(answer.kvs, `the keys of ${name}`).map((one) => readKeyValue(one, name))
    if (kv === undefined) return 'missing'
    if (kv.lease === lease) return kv.value === record.text ? 'own' : 'changed'
    // A process that took it over with the same URL: as long as that one keeps it, it is there.
    return urlOf(kv) === record.endpoint.url ? 'own' : 'taken'
  }

  /** @returns `put`, or what is there instead; undefined where it has gone */
  async #putAt(
    revision: bigint,
    { text }: EndpointRecord,
    lease: string,
    options: CallOptions,
  ): Promise<'put' | KeyValue | undefined> {
    const key = toBase64(this.name)
    const { answer, name } = await this.#client.call(
      'kv/txn',
      {
        compare: [{ key, target: 'MOD', result: 'EQUAL', mod_revision: String(revision) }],
        success: [{ request_put: { key, value: toBase64(text), lease } }],
        failure: [{ request_range: { key } }],
      },
      options,
    )
    if (answer.succeeded === true) return 'put'
    const [response] = listOf(answer.responses, `the responses of ${name}`)
    const range = isRecord(response) ? response.response_range : undefined
    if (!isRecord(range)) throw new Error(`${name} answers without what it was asked for`)
    const [kv] = listOf(range.kvs, `the keys of ${name}`)
    return kv === undefined ? undefined : readKeyValue(kv, name)
  }
}

/** Of a record that can be read; else undefined. */
function urlOf({ value }: KeyValue): string | undefined {
  const record = typeof value === 'string' ? recordOf(value, '') : undefined
  const url = isRecord(record) ? record.url : undefined
  return typeof url === 'string' && URL.canParse(url) ? new URL(url).origin : undefined
}
