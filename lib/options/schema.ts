/** The shape of every option, its range, its default and where that comes from. `docs/configuration.md` is made from this. */
import { loadZod } from '../runtime/lazy.js'
import {
  DEFAULT_OVERPROVISIONING_FACTOR,
  DEFAULT_PANIC_THRESHOLD,
  DEFAULT_POLICY,
  POLICY_DEFAULTS,
} from './defaults.js'
import { fieldKinds, isRecord, MAX_MS } from './fields.js'
import {
  apertureShape,
  originCount,
  slowStartShape,
  subsetsShape,
  subsetValue,
  zoneAwareShape,
} from './shapes/balancing.js'
import { clientShape } from './shapes/client.js'
import { endpointShape, id, place, weight } from './shapes/endpoint.js'
import { healthShape } from './shapes/health.js'
import { limitsShape, outlierShape, retryShape } from './shapes/outcome.js'
import { hashOnShape, policyShape } from './shapes/policy.js'
import { wrong } from './words.js'

const MAX_SEED = 0xffff_ffff

export type Schemas = ReturnType<typeof createSchemas>

let schemas: Schemas | undefined

/** The schemas; loads the schema library on first use. */
export function loadSchemas(): Schemas {
  schemas ??= createSchemas()
  return schemas
}

function createSchemas() {
  const z = loadZod()
  const kinds = fieldKinds(z)
  const { object, documented, required, record, list, number, flag } = kinds
  const orFalse = <S extends Parameters<typeof z.optional>[0]>(schema: S) =>
    z.union([z.literal(false), schema], { error: (issue) => wrong('an object or false', issue.input) })

  const policies = Object.fromEntries(
    Object.entries(POLICY_DEFAULTS).map(([name, defaults]) => [
      name,
      object(policyShape(z, kinds, name, defaults)),
    ]),
  )
  const retry = object(retryShape(z, kinds))

  return {
    /** For the documentation. */
    kinds,
    policies,
    customPolicy: object({
      name: z.string(),
      options: record('an object of options', {
        default: '`{}`',
        about: 'Handed to the policy as it is.',
      }),
    }),
    weight: weight(kinds),
    originCount: originCount(kinds),
    subsetValue: subsetValue(z),
    endpoint: object(endpointShape(z, kinds)),
    service: object({
      endpoints: required(
        z.array(z.any(), { error: (issue) => wrong('an array of URLs and endpoint objects', issue.input) }),
        {
          type: 'array',
          range: 'URLs, or endpoint objects; may be empty',
          about: 'The endpoints of the service.',
        },
      ),
      policy: documented(z.any(), {
        type: 'string or object',
        range: 'a policy name, or `{ name, ...its options }`',
        default: `\`'${DEFAULT_POLICY}'\``,
        about: 'How an endpoint is chosen.',
      }),
      hashOn: z.optional(object(hashOnShape(z, kinds))),
      client: z.optional(object(clientShape(z, kinds))),
      health: z.optional(object(healthShape(z, kinds))),
      outlier: z.optional(orFalse(object(outlierShape(kinds)))),
      retry: z.optional(orFalse(retry)),
      limits: z.optional(object(limitsShape(z, kinds))),
      panicThreshold: number({
        min: 0,
        max: 1,
        default: `${DEFAULT_PANIC_THRESHOLD}`,
        source: 'Envoy',
        about:
          'Share of healthy endpoints below which active checks and ejections after 5xx are ignored; those that real requests proved broken are asked only where nobody else is left. 0 turns both off.',
      }),
      failTrafficOnPanic: flag({
        default: 'false',
        source: 'Envoy',
        about: 'In panic nobody is asked, instead of everybody.',
      }),
      overprovisioningFactor: number({
        min: 1,
        max: 100,
        default: `${DEFAULT_OVERPROVISIONING_FACTOR}`,
        source: 'Envoy',
        about: 'A priority level counts as whole while this times its healthy share is at least 1.',
      }),
      slowStart: z.optional(object(slowStartShape(kinds))),
      zoneAware: z.optional(object(zoneAwareShape(kinds))),
      subsets: z.optional(object(subsetsShape(z, kinds))),
      aperture: z.optional(object(apertureShape(kinds))),
      region: place(kinds, 'Region of this process: the default for requests that name none.'),
      zone: place(kinds, 'Zone of this process.'),
    }),
    rule: object({
      id: id(kinds, 'Name of the rule, unique; to update and remove it by.', 'the pattern'),
      service: required(
        z.string({ error: (issue) => wrong('a service name or a pattern like `users-*`', issue.input) }),
        {
          range: 'a service name, or a pattern in which `*` stands for any run of characters',
          about: 'The services that the rule is for. The most specific pattern wins.',
        },
      ),
      policy: documented(z.any(), {
        type: 'string or object',
        range: 'as for a service',
        default: "the service's",
        about: 'Replaces the policy.',
      }),
      endpoints: list(z.string({ error: 'must be the id of an endpoint' }), 'an array of endpoint ids', {
        nonEmpty: true,
        default: 'all',
        about: 'Only these endpoints, by id. Ids that a service does not have are passed over.',
      }),
      weights: record('an object of weights by endpoint id', {
        default: "the endpoints' own",
        about: 'Weights by endpoint id.',
      }),
      retry: documented(orFalse(retry), {
        type: 'object or false',
        range: 'as for a service',
        default: "the service's",
        about: "Laid over the service's own, field by field.",
      }),
      healthInterval: number({
        integer: true,
        min: 1,
        max: MAX_MS,
        unit: 'ms',
        default: "the service's",
        about:
          '`interval` of the health checks; cuts their `timeout` to it. No effect where no check is configured.',
      }),
    }),
    root: object(
      {
        services: required(
          z.custom<Record<string, unknown>>(isRecord, {
            error: (issue) => wrong('an object of services by name', issue.input),
          }),
          {
            type: 'object',
            range: 'services by name',
            about: 'The services by name: the `host` or `host:port` of the URLs that requests are sent to.',
          },
        ),
        rules: documented(z.array(z.any(), { error: (issue) => wrong('an array of rules', issue.input) }), {
          type: 'array',
          range: 'rules',
          default: '`[]`',
          about: 'Settings laid over the services whose names match.',
        }),
        seed: number({
          integer: true,
          min: 0,
          max: MAX_SEED,
          default: 'drawn at random',
          about: "Seed of the balancer's random numbers, for reproducible runs.",
        }),
      },
      'an object with `services`',
    ),
    header: z.string({ error: (issue) => wrong('text', issue.input) }),
  }
}
