/** What `register` is given, checked whole before anything is asked. */
import { parseEndpoint } from '../configuration/parse.js'
import { ArgumentError, ConfigError } from '../errors.js'
import type { Endpoint, EndpointConfig, SourceConfig } from '../model/index.js'
import { MAX_MS } from '../options/common.js'
import { Faults } from '../options/faults.js'
import { group, isRecord, number } from '../options/kinds.js'
import { copyPlain } from '../options/plain.js'
import { withDefaults } from '../options/resolve.js'
import { validate } from '../options/validate.js'
import { checkEtcd, ETCD_ACCESS, type EtcdAccess, SERVICE_NAME } from '../sources/etcd/options.js'

/** etcd grants no shorter lease than one and a half times of its election time-out. */
const MIN_TTL_MS = 2_000
const MAX_TTL_MS = 3_600_000

/** Where etcd is and how one is let in: as of a source, but for the service. */
export type EtcdConfig = Omit<NonNullable<SourceConfig['etcd']>, 'service'>

/** What to register, and where. */
export interface RegisterOptions {
  etcd?: EtcdConfig
  /** Name of the service in the keys. */
  service: string
  /** As in a configuration: a URL, or an object. Its `id`, by default host and port, is the last part of the key. */
  endpoint: string | EndpointConfig
  /** Life of the lease in ms, 2,000 to 3,600,000: how long the key outlives a process that is killed. Default 10,000. */
  ttl?: number
  /** For how long etcd may not be reached before `register` rejects, ms. Default 10,000. */
  timeoutMs?: number
  /** Gives `register` up. */
  signal?: AbortSignal
}

const REGISTER = group({
  etcd: group(ETCD_ACCESS),
  service: SERVICE_NAME,
  ttl: number({ integer: true, min: MIN_TTL_MS, max: MAX_TTL_MS, unit: 'ms', default: 10_000 }),
  timeoutMs: number({ integer: true, min: 1, max: MAX_MS, unit: 'ms', default: 10_000 }),
})

/** An endpoint as it is put into etcd. */
export interface EndpointRecord {
  readonly endpoint: Endpoint
  /** JSON of what was given. */
  readonly text: string
}

export interface ResolvedRegistration {
  readonly etcd: EtcdAccess
  readonly service: string
  readonly ttl: number
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
  readonly record: EndpointRecord
}

/** @throws ConfigError with all faults */
export function parseRegister(options: RegisterOptions): ResolvedRegistration {
  if (!isRecord(options))
    throw new ArgumentError('register takes an object with `service` and `endpoint`, and mostly `etcd`')
  const { signal, endpoint, ...rest } = options
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new ArgumentError('the `signal` of register is no AbortSignal')
  const faults = new Faults()
  const given = copyPlain(rest, '', faults)
  const config = validate(REGISTER, given, '', faults)
  if (isRecord(given)) checkEtcd(given.etcd, 'etcd', faults)
  let record: EndpointRecord | undefined
  try {
    record = parseRecord(endpoint)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const { path, message } of error.faults) faults.add(path, message)
  }
  faults.throwIfAny()
  return { ...withDefaults(REGISTER.shape, config!), signal, record: record! }
}

/**
 * @param id of one that says none; by default its host and port
 * @throws ConfigError
 */
export function parseRecord(input: unknown, id?: string): EndpointRecord {
  const path = 'endpoint'
  const faults = new Faults()
  const given = copyPlain(input, path, faults)
  faults.throwIfAny()
  if (isRecord(given) && given.dispatcher !== undefined)
    faults.add(`${path}.dispatcher`, 'cannot go to other processes; leave it out')
  faults.throwIfAny()
  const fields = isRecord(given) ? given : { url: given }
  // Checks the URL, whose host is needed for the id.
  const { url } = parseEndpoint(given, path)
  const own = { ...fields, url, id: fields.id ?? id ?? new URL(url).host }
  return { endpoint: parseEndpoint(own, path), text: JSON.stringify(own) }
}
