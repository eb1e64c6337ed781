import type {
  ClientConfig,
  HashOnConfig,
  HealthConfig,
  RetryConfig,
  SubsetsConfig,
  ZoneAwareConfig,
} from '../model/index.js'
import { dispatcherFactory, dispatcherFactoryNames, withGiven } from '../runtime/dispatchers.js'
import { checkAperture, checkSubsets, checkZoneAware } from './balancing.js'
import { check } from './check.js'
import { checkHashOn, checkHealth, checkOrder } from './consistency.js'
import {
  APERTURE_DEFAULTS,
  DEFAULT_HOST_HEADER,
  DEFAULT_OVERPROVISIONING_FACTOR,
  DEFAULT_PANIC_THRESHOLD,
  ENDPOINT_LIMITS_DEFAULTS,
  HEALTH_DEFAULTS,
  HTTP_CHECK_DEFAULTS,
  LIMITS_DEFAULTS,
  OUTLIER_DEFAULTS,
  RETRY_BUDGET_DEFAULTS,
  RETRY_DEFAULTS,
  SLOW_START_DEFAULTS,
  SUBSETS_DEFAULTS,
  ZONE_AWARE_DEFAULTS,
} from './defaults.js'
import { deepFreeze, resolveEndpoints } from './endpoint.js'
import { type Faults, join } from './faults.js'
import { isRecord } from './fields.js'
import { resolvePolicy } from './policy.js'
import type {
  ResolvedClient,
  ResolvedHealth,
  ResolvedOutlier,
  ResolvedRetry,
  ResolvedService,
} from './resolved.js'
import type { Schemas } from './schema.js'
import { quoted } from './words.js'

const OUTLIER_PAIRS = [
  ['baseConnectEjectionMs', 'maxConnectEjectionMs'],
  ['baseEjectionMs', 'maxEjectionMs'],
] as const
const BACKOFF_PAIR = [['backoffBaseMs', 'backoffMaxMs']] as const

/** One service from copied data, its name checked before; undefined, with the faults added, where anything is wrong. */
export function resolveService(
  name: string,
  value: unknown,
  path: string,
  schemas: Schemas,
  faults: Faults,
): ResolvedService | undefined {
  const before = faults.count
  const config = check(schemas.service, value, path, faults)
  if (!isRecord(value)) return undefined
  const at = (key: string) => join(path, key)
  const endpoints = Array.isArray(value.endpoints)
    ? resolveEndpoints(value.endpoints, at('endpoints'), schemas, faults)
    : []
  const policy = resolvePolicy(value.policy, at('policy'), schemas, faults)
  checkHashOn(value.hashOn, at('hashOn'), faults)
  checkHealth(value.health, at('health'), schemas, faults)
  checkOrder(value.outlier, OUTLIER_PAIRS, OUTLIER_DEFAULTS, at('outlier'), faults)
  checkBackoff(value.retry, at('retry'), faults)
  checkZoneAware(value.zoneAware, value.zone, at('zoneAware'), schemas, faults)
  checkSubsets(value.subsets, at('subsets'), schemas, faults)
  checkAperture(value.aperture, at('aperture'), faults)
  checkDispatcher(
    isRecord(value.client) ? value.client.dispatcher : undefined,
    join(at('client'), 'dispatcher'),
    faults,
  )
  if (faults.count > before || config === undefined || policy === undefined) return undefined
  const {
    hashOn,
    client,
    health,
    outlier,
    retry,
    limits,
    panicThreshold = DEFAULT_PANIC_THRESHOLD,
    failTrafficOnPanic = false,
    overprovisioningFactor = DEFAULT_OVERPROVISIONING_FACTOR,
    slowStart,
    zoneAware,
    subsets,
    aperture,
    region = '',
    zone = '',
  } = config
  return deepFreeze({
    name,
    endpoints,
    policy,
    hashOn: hashOn && lowerHeader(hashOn),
    client: resolveClient(client ?? {}),
    // The headers were checked by name and value.
    health: health && resolveHealth(health as HealthConfig),
    outlier: outlier === false ? undefined : resolveOutlier(outlier ?? {}),
    retry: resolveRetry(retry ?? {}),
    limits: {
      ...LIMITS_DEFAULTS,
      ...limits,
      perEndpoint: { ...ENDPOINT_LIMITS_DEFAULTS, ...limits?.perEndpoint },
    },
    panicThreshold,
    failTrafficOnPanic,
    overprovisioningFactor,
    slowStart: slowStart && { ...SLOW_START_DEFAULTS, ...slowStart },
    // What the two records hold was checked key by key.
    zoneAware: zoneAware && { ...ZONE_AWARE_DEFAULTS, ...(zoneAware as ZoneAwareConfig) },
    subsets: subsets && { ...SUBSETS_DEFAULTS, ...(subsets as SubsetsConfig) },
    aperture: aperture && { ...APERTURE_DEFAULTS, ...aperture },
    region,
    zone,
  })
}

/** What was given directly stands aside, since it stays in this thread. */
function resolveClient({ dispatcher, ...client }: ClientConfig): ResolvedClient {
  const plain = { host: DEFAULT_HOST_HEADER, ...client }
  return typeof dispatcher === 'string' ? { ...plain, dispatcher } : withGiven(plain, dispatcher)
}

function checkDispatcher(dispatcher: unknown, path: string, faults: Faults): void {
  if (typeof dispatcher !== 'string' || dispatcherFactory(dispatcher) !== undefined) return
  const known = dispatcherFactoryNames()
  faults.add(
    path,
    `no dispatcher ${JSON.stringify(dispatcher)} is defined in this thread; call defineDispatcher(name, factory) before the balancer is made${known.length > 0 ? `; defined: ${quoted(known)}` : ''}`,
  )
}

export function checkBackoff(retry: unknown, path: string, faults: Faults): void {
  checkOrder(retry, BACKOFF_PAIR, RETRY_DEFAULTS, path, faults)
}

/** Header names reach the balancer in lower case. */
const lowerHeader = (hashOn: HashOnConfig): HashOnConfig =>
  hashOn.header === undefined ? hashOn : { header: hashOn.header.toLowerCase() }

function resolveHealth({ http, tcp = false, ...rest }: HealthConfig): ResolvedHealth {
  const interval = rest.interval ?? HEALTH_DEFAULTS.interval
  const timing = { ...HEALTH_DEFAULTS, timeout: Math.min(HEALTH_DEFAULTS.timeout, interval), ...rest }
  if (http === undefined) return { tcp: tcp !== false, ...timing }
  const expect = (http.expect ?? HTTP_CHECK_DEFAULTS.expect).map((item) =>
    typeof item === 'number' ? ([item, item] as const) : ([...item] as const),
  )
  return {
    tcp: false,
    ...timing,
    http: {
      path: HTTP_CHECK_DEFAULTS.path,
      method: HTTP_CHECK_DEFAULTS.method,
      agent: HTTP_CHECK_DEFAULTS.agent,
      headers: {},
      ...http,
      expect,
    },
  }
}

function resolveOutlier(outlier: Partial<ResolvedOutlier>): ResolvedOutlier {
  const all = { ...OUTLIER_DEFAULTS, ...outlier }
  return {
    ...all,
    maxConnectEjectionMs: Math.max(all.maxConnectEjectionMs, all.baseConnectEjectionMs),
    maxEjectionMs: Math.max(all.maxEjectionMs, all.baseEjectionMs),
  }
}

/** Retries in full: `overlay` laid over `base`, field by field; `false` is one try. */
export function resolveRetry(
  overlay: RetryConfig | false,
  base: ResolvedRetry | undefined = undefined,
): ResolvedRetry {
  if (overlay === false) return resolveRetry({ attempts: 1 }, base)
  const all = { ...(base ?? RETRY_DEFAULTS), ...overlay }
  return {
    ...all,
    statuses: [...new Set(all.statuses)],
    methods: [...new Set(all.methods)],
    backoffMaxMs: Math.max(all.backoffMaxMs, all.backoffBaseMs),
    budget: { ...(base?.budget ?? RETRY_BUDGET_DEFAULTS), ...overlay.budget },
  }
}
