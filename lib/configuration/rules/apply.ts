import { deepFreeze } from '../../options/freeze.js'
import { resolveRetry } from '../../outcome/options.js'
import type { ResolvedRule } from '../rule.js'
import type { ResolvedService } from '../service.js'

/** The service with the settings of its rule on top; the service itself where there is no rule. Neither is changed. */
export function applyRule(service: ResolvedService, rule: ResolvedRule | undefined): ResolvedService {
  if (rule === undefined) return service
  const { policy = service.policy, retry, healthInterval } = rule
  return Object.freeze({
    ...service,
    policy,
    endpoints: endpointsUnder(service, rule),
    retry: retry === undefined ? service.retry : deepFreeze(resolveRetry(retry, service.retry)),
    health: healthUnder(service, healthInterval),
  })
}

/** The endpoints that the rule leaves to the service, with its weights. An endpoint that it does not change stays the same object. */
export function endpointsUnder(
  service: ResolvedService,
  { endpoints, weights }: ResolvedRule,
): ResolvedService['endpoints'] {
  const listed = endpoints && new Set(endpoints)
  const left = listed ? service.endpoints.filter(({ id }) => listed.has(id)) : service.endpoints
  if (listed === undefined && weights === undefined) return service.endpoints
  if (weights === undefined) return Object.freeze(left)
  return Object.freeze(
    left.map((endpoint) =>
      Object.hasOwn(weights, endpoint.id) && weights[endpoint.id] !== endpoint.weight
        ? Object.freeze({ ...endpoint, weight: weights[endpoint.id] })
        : endpoint,
    ),
  )
}

/** A check may take no longer than the interval, so a shorter interval shortens the time-out. */
function healthUnder({ health }: ResolvedService, interval: number | undefined): ResolvedService['health'] {
  if (health === undefined || interval === undefined) return health
  return Object.freeze({ ...health, interval, timeout: Math.min(health.timeout, interval) })
}
