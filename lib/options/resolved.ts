/** A validated configuration: every default filled in, nothing of it shared with the caller's objects, all frozen. */
import type {
  ApertureConfig,
  ClientConfig,
  Endpoint,
  HashOnConfig,
  OutlierConfig,
  PolicyConfig,
  RetryConfig,
  SlowStartConfig,
  SubsetsConfig,
  ZoneAwareConfig,
} from '../model/index.js'

/** A policy with every option filled in, those that it does not read with their defaults too. */
export type ResolvedPolicy = Readonly<Required<PolicyConfig>>

export interface ResolvedHttpCheck {
  readonly path: string
  readonly method: 'GET' | 'HEAD'
  /** Inclusive ranges of passing status codes. */
  readonly expect: readonly (readonly [number, number])[]
  readonly headers: Readonly<Record<string, string>>
  readonly host?: string
  readonly agent: boolean
}

export interface ResolvedHealth {
  /** Either this, or `tcp` is true. */
  readonly http?: ResolvedHttpCheck
  readonly tcp: boolean
  readonly interval: number
  readonly timeout: number
  readonly rise: number
  readonly fall: number
  readonly jitter: number
}

export type ResolvedOutlier = Readonly<Required<OutlierConfig>>

export interface ResolvedRetry extends Readonly<Required<Omit<RetryConfig, 'budget'>>> {
  /** 1: no retries. */
  readonly attempts: number
  /** 0: no limit. */
  readonly perTryTimeoutMs: number
  readonly budget: { readonly ratio: number; readonly minPerSecond: number }
}

export interface ResolvedLimits {
  /** 0: no limit. */
  readonly maxRequests: number
  /** 0: no limit. */
  readonly perEndpoint: { readonly maxRequests: number }
}

/** undici's own defaults hold for what is not set. */
export type ResolvedClient = Readonly<Omit<ClientConfig, 'dispatcher'>> & {
  readonly host: 'endpoint' | 'service' | 'request' | (string & {})
  /** A name; what was given directly is had of `givenTo`. */
  readonly dispatcher?: string
}

export type ResolvedSlowStart = Readonly<Required<SlowStartConfig>>
/** `origin` undefined: callers are spread evenly. */
export type ResolvedZoneAware = Readonly<Required<Omit<ZoneAwareConfig, 'origin'>>> &
  Readonly<Pick<ZoneAwareConfig, 'origin'>>
export type ResolvedSubsets = Readonly<Required<Omit<SubsetsConfig, 'default'>>> &
  Readonly<Pick<SubsetsConfig, 'default'>>
export type ResolvedAperture = Readonly<Required<ApertureConfig>>

export interface ResolvedService {
  readonly name: string
  readonly endpoints: readonly Endpoint[]
  readonly policy: ResolvedPolicy
  /** undefined: the key comes from the request only. `header` is lower case. */
  readonly hashOn: Readonly<HashOnConfig> | undefined
  readonly client: ResolvedClient
  /** undefined: no active checks. */
  readonly health: ResolvedHealth | undefined
  /** undefined: no ejection. */
  readonly outlier: ResolvedOutlier | undefined
  readonly retry: ResolvedRetry
  readonly limits: ResolvedLimits
  readonly panicThreshold: number
  readonly failTrafficOnPanic: boolean
  readonly overprovisioningFactor: number
  /** undefined: off. So for the next three. */
  readonly slowStart: ResolvedSlowStart | undefined
  readonly zoneAware: ResolvedZoneAware | undefined
  readonly subsets: ResolvedSubsets | undefined
  readonly aperture: ResolvedAperture | undefined
  readonly region: string
  readonly zone: string
}

/** What of a service's retries a rule sets; the rest stays the service's own. */
export type RetryOverlay = Readonly<RetryConfig>

export interface ResolvedRule {
  readonly id: string
  /** Name or pattern of the services that it is for. */
  readonly service: string
  readonly policy?: ResolvedPolicy
  readonly endpoints?: readonly string[]
  /** By endpoint id. Ids may be any text: read it with `Object.hasOwn`. */
  readonly weights?: Readonly<Record<string, number>>
  readonly retry?: RetryOverlay
  readonly healthInterval?: number
}

export interface ResolvedConfig {
  /** By name. A map, because a service may be called `constructor` or `__proto__`. */
  readonly services: ReadonlyMap<string, ResolvedService>
  readonly rules: readonly ResolvedRule[]
  /** undefined: the balancer draws one. */
  readonly seed: number | undefined
}
