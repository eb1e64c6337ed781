/** Every default of the configuration, by number and source. Free of the schema library, so that any stage may read it. */
import type { PolicyConfig, PolicyName } from '../model/index.js'

export const DEFAULT_POLICY: PolicyName = 'peak-ewma'
export const DEFAULT_WEIGHT = 1
export const MAX_WEIGHT = 65_535
export const DEFAULT_PRIORITY = 0
export const DEFAULT_PANIC_THRESHOLD = 0.5
export const DEFAULT_OVERPROVISIONING_FACTOR = 1.4
export const DEFAULT_HOST_HEADER = 'endpoint'

/** What holds of an option for policies that do not say otherwise, and for those that do not read it. */
export const POLICY_OPTION_DEFAULTS = {
  choices: 'all',
  bias: 1,
  decayMs: 10_000,
  firstRttMs: 30,
  hashBalanceFactor: 0,
  pointsPerWeight: 160,
  /** 0: chosen by the number of endpoints. */
  tableSize: 0,
  /** '': no probes over the network. */
  probePath: '',
  probesPerRequest: 3,
  poolSize: 16,
  maxProbeAgeMs: 1_000,
  hotQuantile: 0.84,
  weights: 'score',
  blackoutMs: 10_000,
  expiryMs: 180_000,
  updateMs: 1_000,
  errorPenalty: 1,
  options: {},
} as const satisfies Required<Omit<PolicyConfig, 'name'>>

const { choices, bias, decayMs, firstRttMs, hashBalanceFactor, pointsPerWeight, tableSize } =
  POLICY_OPTION_DEFAULTS
const { probePath, probesPerRequest, poolSize, maxProbeAgeMs, hotQuantile } = POLICY_OPTION_DEFAULTS
const { weights, blackoutMs, expiryMs, updateMs, errorPenalty } = POLICY_OPTION_DEFAULTS

/** Each policy's options with their defaults: what is not here is not an option of that policy. */
export const POLICY_DEFAULTS: Readonly<Record<PolicyName, Readonly<Omit<PolicyConfig, 'name'>>>> = {
  'peak-ewma': { decayMs, firstRttMs },
  'least-request': { choices: 2, bias },
  'least-response-time': { choices, decayMs },
  'round-robin': {},
  'weighted-round-robin': {},
  random: {},
  'weighted-random': {},
  'ip-hash': {},
  'ring-hash': { pointsPerWeight, hashBalanceFactor },
  maglev: { tableSize, hashBalanceFactor },
  rendezvous: { hashBalanceFactor },
  geographic: {},
  'resource-based': { choices, decayMs, weights, blackoutMs, expiryMs, updateMs, errorPenalty },
  adaptive: { choices, decayMs },
  prequal: { probePath, probesPerRequest, poolSize, maxProbeAgeMs, hotQuantile },
  'join-idle-queue': {},
}

export const POLICY_NAMES = Object.keys(POLICY_DEFAULTS) as PolicyName[]

export const HEALTH_DEFAULTS = { interval: 2_000, timeout: 1_000, rise: 2, fall: 2, jitter: 0.1 } as const

export const HTTP_CHECK_DEFAULTS = {
  path: '/',
  method: 'GET',
  expect: [[200, 299]] as [number, number][],
  agent: false,
} as const

export const OUTLIER_DEFAULTS = {
  consecutiveLocalOrigin: 5,
  consecutiveGatewayErrors: 5,
  consecutiveBodyFailures: 5,
  consecutive5xx: 5,
  failurePercentageThreshold: 5,
  failurePercentageRequestVolume: 100,
  failurePercentageWindowMs: 30_000,
  baseConnectEjectionMs: 1_000,
  maxConnectEjectionMs: 30_000,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  maxEjectionPercent: 10,
  maxParkMs: 30_000,
  reconnectMs: 1_000,
} as const

export const RETRY_DEFAULTS = {
  attempts: 3,
  statuses: [502, 503, 504],
  perTryTimeoutMs: 0,
  methods: ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'],
  backoffBaseMs: 25,
  backoffMaxMs: 250,
}
export const RETRY_BUDGET_DEFAULTS = { ratio: 0.2, minPerSecond: 10 } as const

export const LIMITS_DEFAULTS = { maxRequests: 0 } as const
export const ENDPOINT_LIMITS_DEFAULTS = { maxRequests: 1_024 } as const

export const SLOW_START_DEFAULTS = { aggression: 1, minWeightPercent: 10 } as const
export const ZONE_AWARE_DEFAULTS = { minClusterSize: 6, routingEnabled: 100 } as const
export const SUBSETS_DEFAULTS = { fallback: 'none' } as const
export const APERTURE_DEFAULTS = { size: 12 } as const
