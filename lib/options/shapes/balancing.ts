import type { loadZod } from '../../runtime/lazy.js'
import { APERTURE_DEFAULTS, SLOW_START_DEFAULTS, SUBSETS_DEFAULTS, ZONE_AWARE_DEFAULTS } from '../defaults.js'
import { type FieldKinds, MAX_COUNT, MAX_MS } from '../fields.js'
import { grouped, wrong } from '../words.js'

type Zod = ReturnType<typeof loadZod>

const MAX_AGGRESSION = 100
const MAX_CALLERS = 1e9

/** How many callers a zone has; any unit, so fractions and per cents as well. */
export const originCount = ({ bare }: FieldKinds) => bare({ min: 0, max: MAX_CALLERS, about: '' })

export const subsetValue = (z: Zod) =>
  z.union([z.string(), z.number(), z.boolean()], {
    error: (issue) => wrong('text, a number, true or false', issue.input),
  })

const selectorRight = 'a list of metadata keys like `["version"]`'

export function slowStartShape({ number, bare, required }: FieldKinds) {
  const window = { integer: true, min: 1, max: MAX_MS, unit: 'ms' } as const
  return {
    windowMs: required(bare({ ...window, about: '' }), {
      unit: 'ms',
      range: `1 to ${grouped(MAX_MS)}`,
      about:
        'Time that an endpoint takes to its whole share after it was added, or has recovered. Without `slowStart` it gets that at once.',
    }),
    aggression: number({
      min: 0,
      above: true,
      max: MAX_AGGRESSION,
      default: `${SLOW_START_DEFAULTS.aggression}`,
      source: 'Envoy',
      about: 'The share is (time / window)^(1 / aggression): 1 is a straight line, more begins faster.',
    }),
    minWeightPercent: number({
      min: 1,
      max: 100,
      unit: '%',
      default: `${SLOW_START_DEFAULTS.minWeightPercent}`,
      source: 'Envoy',
      about: 'Share that it has at the least.',
    }),
  }
}

export function zoneAwareShape({ number, record }: FieldKinds) {
  return {
    origin: record('an object of numbers by zone', {
      default: 'even over all zones',
      about:
        'How the callers of the service spread over zones, in any unit. Zones that are not named have none. `zone` must have some.',
    }),
    minClusterSize: number({
      integer: true,
      min: 0,
      max: MAX_COUNT,
      default: `${ZONE_AWARE_DEFAULTS.minClusterSize}`,
      source: 'Envoy',
      about: 'Healthy endpoints of a priority level below which zones do not count.',
    }),
    routingEnabled: number({
      min: 0,
      max: 100,
      unit: '%',
      default: `${ZONE_AWARE_DEFAULTS.routingEnabled}`,
      source: 'Envoy',
      about: 'Share of the requests for which zones count.',
    }),
  }
}

export function subsetsShape(z: Zod, { required, choice, record }: FieldKinds) {
  const key = z
    .string({ error: 'must be a metadata key' })
    .check(z.minLength(1, { error: 'must be a metadata key' }))
  const selector = z
    .array(key, { error: (issue) => wrong(selectorRight, issue.input) })
    .check(z.minLength(1, { error: `is empty; it must be ${selectorRight}` }))
  const right = 'an array of lists of metadata keys like `[["version"], ["stage", "version"]]`'
  return {
    selectors: required(
      z
        .array(selector, { error: (issue) => wrong(right, issue.input) })
        .check(z.minLength(1, { error: `is empty; it must be ${right}` })),
      {
        type: 'array',
        range: right,
        about: 'The sets of metadata keys that a request may choose endpoints by, with `subset`.',
      },
    ),
    fallback: choice(['none', 'any', 'default'], {
      default: `\`'${SUBSETS_DEFAULTS.fallback}'\``,
      source: 'Envoy',
      about:
        'Where a request goes that names no subset, or none that has endpoints: nowhere (`FAIRLEAD_NO_ENDPOINT`), to any endpoint, or to those of `default`.',
    }),
    default: record('an object of metadata', {
      default: 'none',
      about: 'Metadata of the endpoints of the fallback `default`.',
    }),
  }
}

export function apertureShape({ number, bare, required }: FieldKinds) {
  const spec = { integer: true, max: MAX_COUNT, about: '' } as const
  return {
    instanceId: required(bare({ ...spec, min: 0 }), {
      range: '0 to `totalInstances` - 1',
      about:
        'Which of the callers this process is, each number once. With `zoneAware`: which of those in its zone.',
    }),
    totalInstances: required(bare({ ...spec, min: 1 }), {
      range: `1 to ${grouped(MAX_COUNT)}`,
      about: 'How many callers there are. With `zoneAware`: in its zone.',
    }),
    size: number({
      integer: true,
      min: 1,
      max: MAX_COUNT,
      default: `${APERTURE_DEFAULTS.size}`,
      source: 'Finagle',
      about: 'Endpoints that a process uses at least; all, where there are no more.',
    }),
  }
}
