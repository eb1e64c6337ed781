import { expectTypeOf, test } from 'vitest'
import type { ADMISSION_CONTROL, LIMITS } from '../../lib/admission/options.js'
import type { ROOT } from '../../lib/configuration/parse.js'
import type { RULE } from '../../lib/configuration/rule.js'
import type { SERVICE } from '../../lib/configuration/service.js'
import type { CLIENT } from '../../lib/connections/options.js'
import type { HEALTH } from '../../lib/health/active/options.js'
import type { OUTLIER } from '../../lib/health/passive/options.js'
import type {
  AdmissionControlConfig,
  ApertureConfig,
  BalancerConfig,
  ClientConfig,
  EndpointConfig,
  HashOnConfig,
  HealthConfig,
  LimitsConfig,
  OutlierConfig,
  PolicyConfig,
  PolicyName,
  RetryConfig,
  RuleConfig,
  ServiceConfig,
  SlowStartConfig,
  SubsetsConfig,
  ZoneAwareConfig,
} from '../../lib/model/index.js'
import type { ConfigOf } from '../../lib/options/types.js'
import type { RETRY } from '../../lib/outcome/options.js'
import type { HASH_ON } from '../../lib/policy/hash-on.js'
import type { POLICY_LIST } from '../../lib/policy/list.js'
import type { ENDPOINT } from '../../lib/topology/options.js'
import type { APERTURE } from '../../lib/view/aperture.js'
import type { SLOW_START } from '../../lib/view/slow-start.js'
import type { SUBSETS } from '../../lib/view/subsets.js'
import type { ZONE_AWARE } from '../../lib/view/zone.js'

// Checked by `npm run typecheck`: what is checked against the options has exactly the types that the public ones say.
test('the options and the public types have the same members of the same types', () => {
  type Config<G extends { readonly shape: unknown }> = ConfigOf<G['shape']>
  expectTypeOf<Config<typeof ROOT>>().toEqualTypeOf<BalancerConfig>()
  expectTypeOf<Config<typeof ENDPOINT>>().toEqualTypeOf<EndpointConfig>()
  expectTypeOf<Config<typeof RULE>>().toEqualTypeOf<RuleConfig>()
  expectTypeOf<Config<typeof SERVICE>>().toEqualTypeOf<ServiceConfig>()
  expectTypeOf<Config<typeof CLIENT>>().toEqualTypeOf<ClientConfig>()
  expectTypeOf<Config<typeof HEALTH>>().toEqualTypeOf<HealthConfig>()
  expectTypeOf<Config<typeof OUTLIER>>().toEqualTypeOf<OutlierConfig>()
  expectTypeOf<Config<typeof RETRY>>().toEqualTypeOf<RetryConfig>()
  expectTypeOf<Config<typeof LIMITS>>().toEqualTypeOf<LimitsConfig>()
  expectTypeOf<Config<typeof ADMISSION_CONTROL>>().toEqualTypeOf<AdmissionControlConfig>()
  expectTypeOf<Config<typeof HASH_ON>>().toEqualTypeOf<HashOnConfig>()
  expectTypeOf<Config<typeof SLOW_START>>().toEqualTypeOf<SlowStartConfig>()
  expectTypeOf<Config<typeof ZONE_AWARE>>().toEqualTypeOf<ZoneAwareConfig>()
  expectTypeOf<Config<typeof SUBSETS>>().toEqualTypeOf<SubsetsConfig>()
  expectTypeOf<Config<typeof APERTURE>>().toEqualTypeOf<ApertureConfig>()
})

test('so have the policies', () => {
  type Policies = (typeof POLICY_LIST)[number]
  type Options<P> = P extends { readonly options: infer O } ? ConfigOf<O> : never
  type Keys<T> = T extends unknown ? keyof T : never
  expectTypeOf<Policies['name']>().toEqualTypeOf<PolicyName>()
  expectTypeOf<Keys<Options<Policies>> | 'name' | 'options'>().toEqualTypeOf<keyof PolicyConfig>()
  expectTypeOf<Options<Policies>>().toExtend<Partial<PolicyConfig>>()
})
