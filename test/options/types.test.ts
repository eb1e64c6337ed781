import { expectTypeOf, test } from 'vitest'
import type * as zod from 'zod/mini'
import type {
  BalancerConfig,
  ClientConfig,
  EndpointConfig,
  HashOnConfig,
  HealthConfig,
  LimitsConfig,
  OutlierConfig,
  RetryConfig,
  RuleConfig,
  ServiceConfig,
} from '../../lib/model/index.js'
import type { Schemas } from '../../lib/options/schema.js'

// Checked by `npm run typecheck`: the schema knows exactly the keys that the public types have.
test('the schema and the public types have the same keys', () => {
  type In<Name extends keyof Schemas> = Schemas[Name] extends zod.ZodMiniType
    ? zod.input<Schemas[Name]>
    : never
  type Service = In<'service'>
  type Part<Key extends keyof Service> = keyof Exclude<NonNullable<Service[Key]>, false>
  expectTypeOf<keyof In<'root'>>().toEqualTypeOf<keyof BalancerConfig>()
  expectTypeOf<keyof In<'endpoint'>>().toEqualTypeOf<keyof EndpointConfig>()
  expectTypeOf<keyof In<'rule'>>().toEqualTypeOf<keyof RuleConfig>()
  expectTypeOf<keyof Service>().toEqualTypeOf<keyof ServiceConfig>()
  expectTypeOf<Part<'client'>>().toEqualTypeOf<keyof ClientConfig>()
  expectTypeOf<Part<'health'>>().toEqualTypeOf<keyof HealthConfig>()
  expectTypeOf<Part<'outlier'>>().toEqualTypeOf<keyof OutlierConfig>()
  expectTypeOf<Part<'retry'>>().toEqualTypeOf<keyof RetryConfig>()
  expectTypeOf<Part<'limits'>>().toEqualTypeOf<keyof LimitsConfig>()
  expectTypeOf<Part<'hashOn'>>().toEqualTypeOf<keyof HashOnConfig>()
})
