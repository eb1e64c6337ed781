import {
  ADMISSION_CONTROL,
  LIMITS,
  QUEUE,
  type ResolvedAdmissionControl,
  type ResolvedLimits,
  type ResolvedQueue,
} from '../admission/options.js'
import { CLIENT, checkClient, type ResolvedClient, resolveClient } from '../connections/options.js'
import { checkHealth, HEALTH, type ResolvedHealth, resolveHealth } from '../health/active/options.js'
import { checkOutlier, type EjectionOptions, OUTLIER, resolveOutlier } from '../health/passive/options.js'
import type {
  CustomPolicyName,
  Endpoint,
  EndpointConfig,
  HashOnConfig,
  PolicyConfig,
  PolicyName,
  SourceConfig,
} from '../model/index.js'
import { type Faults, join } from '../options/faults.js'
import { deepFreeze } from '../options/freeze.js'
import { anything, group, isRecord, list, ts } from '../options/kinds.js'
import { withDefaults } from '../options/resolve.js'
import { validate } from '../options/validate.js'
import { wrong } from '../options/words.js'
import { checkRetry, RETRY, type ResolvedRetry, resolveRetry } from '../outcome/options.js'
import { checkHashOn, HASH_ON, resolveHashOn } from '../policy/hash-on.js'
import { DEFAULT_POLICY } from '../policy/list.js'
import { resolvePolicy } from '../policy/options.js'
import type { ResolvedPolicy } from '../policy/policy.js'
import type { Found } from '../sources/found.js'
import { type ResolvedSource, resolveSources } from '../sources/options.js'
import { checkAperture } from '../view/aperture.js'
import { type ResolvedView, VIEW } from '../view/options.js'
import { checkSubsets } from '../view/subsets.js'
import { checkZoneAware } from '../view/zone.js'
import { namedByDns } from './dns-name.js'
import { resolveEndpoints } from './endpoint.js'
import { isResolved, sourcesAmong } from './resolved-by-dns.js'

/** A name, or an object that names a policy: `resolvePolicy` says what is wrong with it. */
export const POLICY = anything({
  type: 'string or object',
  ts: ts<PolicyName | CustomPolicyName | PolicyConfig>('PolicyName | CustomPolicyName | PolicyConfig'),
  range: 'a policy name, or `{ name, ...its options }`',
  defaultText: `\`'${DEFAULT_POLICY}'\``,
  about: 'How an endpoint is chosen.',
})

/** All options of a service, from the stages that read them. */
export const SERVICE = group(
  {
    endpoints: list(anything({ ts: ts<string | EndpointConfig>('string | EndpointConfig') }), {
      right: 'an array of URLs and endpoint objects',
      range: 'URLs, or endpoint objects; may be empty',
      defaultText: 'none; required without `source`',
      about: 'The endpoints of the service.',
    }),
    source: anything({
      type: 'object or array',
      ts: ts<SourceConfig | readonly SourceConfig[]>('SourceConfig | readonly SourceConfig[]'),
      range: 'a source, or an array of sources',
      defaultText: 'none',
      about:
        'Where further endpoints come from: DNS, a file, a server, Kubernetes, etcd, or a source of your own.',
    }),
    policy: POLICY,
    hashOn: HASH_ON,
    client: CLIENT,
    health: HEALTH,
    outlier: OUTLIER,
    retry: RETRY,
    limits: LIMITS,
    queue: QUEUE,
    admissionControl: ADMISSION_CONTROL,
    ...VIEW,
  },
  {
    name: 'ServiceConfig',
    summary:
      'One service: its endpoints, and how requests are balanced over them. Only `endpoints`, or `source`, has to be given.',
  },
)

export interface ResolvedService extends ResolvedView {
  readonly name: string
  /** All in force: those given, and those that sources have found. */
  readonly endpoints: readonly Endpoint[]
  /** Those that the configuration lists, or that were added by hand. */
  readonly given: readonly Endpoint[]
  readonly sources: readonly ResolvedSource[]
  /** What sources have found: the last good answer of each. */
  readonly found: readonly Found[]
  readonly policy: ResolvedPolicy
  /** undefined: the key comes from the request only. `header` is lower case. */
  readonly hashOn: Readonly<HashOnConfig> | undefined
  readonly client: ResolvedClient
  /** undefined: no active checks. */
  readonly health: ResolvedHealth | undefined
  /** undefined: no ejection. */
  readonly outlier: EjectionOptions | undefined
  readonly retry: ResolvedRetry
  readonly limits: ResolvedLimits
  readonly queue: ResolvedQueue
  /** undefined: off. */
  readonly admissionControl: ResolvedAdmissionControl | undefined
}

/** One service from copied data, its name checked before; undefined, with the faults added, where anything is wrong. */
export function resolveService(
  name: string,
  value: unknown,
  path: string,
  faults: Faults,
): ResolvedService | undefined {
  const before = faults.count
  const config = validate(SERVICE, value, path, faults)
  if (!isRecord(value)) return undefined
  const at = (key: string) => join(path, key)
  const listed = Array.isArray(value.endpoints) ? value.endpoints : []
  const endpoints = resolveEndpoints(listed, at('endpoints'), faults, isResolved)
  const sources = [
    ...sourcesAmong(listed, at('endpoints'), faults),
    ...resolveSources(value.source, at('source'), faults),
  ]
  if (value.endpoints === undefined && value.source === undefined)
    faults.add(
      at('endpoints'),
      wrong('an array of URLs and endpoint objects, unless there is a `source`', undefined),
    )
  const policy = resolvePolicy(value.policy, at('policy'), faults)
  checkHashOn(value.hashOn, at('hashOn'), faults)
  checkHealth(value.health, at('health'), faults)
  checkOutlier(value.outlier, at('outlier'), faults)
  checkRetry(value.retry, at('retry'), faults)
  checkZoneAware(value.zoneAware, value.zone, at('zoneAware'), faults)
  checkSubsets(value.subsets, at('subsets'), faults)
  checkAperture(value.aperture, at('aperture'), faults)
  checkClient(value.client, at('client'), faults)
  if (faults.count > before || config === undefined || policy === undefined) return undefined
  const { hashOn, client = {}, health, outlier = {}, retry = {}, limits = {}, queue = {} } = config
  return deepFreeze({
    name,
    endpoints,
    given: endpoints,
    sources,
    found: [],
    policy,
    hashOn: hashOn && resolveHashOn(hashOn),
    client: resolveClient(endpoints.length > 0 ? client : namedByDns(client, sources)),
    health: health && resolveHealth(health),
    outlier: outlier === false ? undefined : resolveOutlier(outlier),
    retry: resolveRetry(retry),
    limits: withDefaults(LIMITS.shape, limits),
    queue: withDefaults(QUEUE.shape, queue),
    ...withDefaults({ admissionControl: ADMISSION_CONTROL }, config),
    ...withDefaults(VIEW, config),
  })
}
