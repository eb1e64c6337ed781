import type { loadZod } from '../../runtime/lazy.js'
import { type FieldKinds, MAX_MS, TOKEN } from '../fields.js'
import { grouped, wrong } from '../words.js'

type Zod = ReturnType<typeof loadZod>

const MAX_BIAS = 10
const MAX_FACTOR = 10_000
const MAX_TABLE = 5_000_011
const REQUEST_PATH = /^\/[!-"$-~]*$/

/** The options of the policy `name`: those that have a default. */
export function policyShape(
  z: Zod,
  { documented, required, number, bare, text, choice }: FieldKinds,
  name: string,
  defaults: Record<string, unknown>,
) {
  const right = "a whole number from 2 to 65,535, or 'all'"
  const ms = (option: string, min: number, source: string, about: string) =>
    number({ min, max: MAX_MS, unit: 'ms', default: `${defaults[option]}`, source, about })
  const options = {
    choices: () =>
      documented(
        z.union([bare({ integer: true, min: 2, max: 65_535, right, about: '' }), z.literal('all')], {
          error: (issue) => wrong(right, issue.input),
        }),
        {
          type: "number or 'all'",
          range: right,
          default: `\`${String(defaults.choices)}\``,
          source: defaults.choices === 2 ? 'Envoy' : undefined,
          about: 'How many distinct endpoints, chosen at random, are compared.',
        },
      ),
    bias: () =>
      number({
        min: 0,
        max: MAX_BIAS,
        default: `${defaults.bias}`,
        source: 'Envoy',
        about: 'Load is (in-flight + 1)^bias / weight.',
      }),
    decayMs: () => ms('decayMs', 1, 'Finagle, Linkerd', 'Time constant of the latency average.'),
    firstRttMs: () =>
      ms('firstRttMs', 0, 'Linkerd', 'Latency assumed of an endpoint that has not answered yet.'),
    hashBalanceFactor: () =>
      number({
        integer: true,
        min: 0,
        max: MAX_FACTOR,
        right: `0, or a whole number from 100 to ${grouped(MAX_FACTOR)} per cent`,
        accept: (value) => value === 0 || value >= 100,
        unit: '%',
        range: `0, or 100 to ${grouped(MAX_FACTOR)}`,
        default: `${defaults.hashBalanceFactor}`,
        source: 'Envoy',
        about:
          "Most requests in flight on an endpoint, of its share; beyond it the key's next endpoint is used. 0: no bound.",
      }),
    pointsPerWeight: () =>
      number({
        integer: true,
        min: 1,
        max: 65_535,
        default: `${defaults.pointsPerWeight}`,
        source: 'ketama, nginx',
        about: 'Points on the ring for each unit of weight.',
      }),
    tableSize: () =>
      number({
        integer: true,
        min: 3,
        max: MAX_TABLE,
        right: `a prime from 3 to ${grouped(MAX_TABLE)}`,
        accept: isPrime,
        range: `a prime from 3 to ${grouped(MAX_TABLE)}`,
        default: '65,537, and 655,373 above 13,107 endpoints',
        source: 'Maglev, Envoy',
        about: 'Slots of the table.',
      }),
    probePath: () =>
      text({
        right: 'a path like `/load`',
        pattern: REQUEST_PATH,
        default: 'none',
        about: 'Path that probes ask for. Without it the load is what the threads of this balancer see.',
      }),
    probesPerRequest: () =>
      number({
        min: 0,
        above: true,
        max: 100,
        default: `${defaults.probesPerRequest}`,
        source: 'Prequal',
        about: 'Probes sent for each request; fractions are carried over.',
      }),
    poolSize: () =>
      number({
        integer: true,
        min: 2,
        max: 1_024,
        default: `${defaults.poolSize}`,
        source: 'Prequal',
        about: 'Probe results kept.',
      }),
    maxProbeAgeMs: () =>
      ms(
        'maxProbeAgeMs',
        1,
        'Prequal',
        'A probe result, or a probe without answer, older than this is dropped.',
      ),
    hotQuantile: () =>
      number({
        min: 0,
        max: 1,
        default: `${defaults.hotQuantile}`,
        source: 'Prequal',
        about: 'An endpoint is hot where its requests in flight are above this quantile of those seen.',
      }),
    weights: () =>
      choice(['score', 'orca'], {
        default: `\`${String(defaults.weights)}\``,
        about: 'What decides: the score of health, room and speed, or the load that endpoints report (ORCA).',
      }),
    blackoutMs: () =>
      ms(
        'blackoutMs',
        0,
        'gRPC',
        'With `orca`: reports count after an endpoint has sent them for this long.',
      ),
    expiryMs: () => ms('expiryMs', 1, 'gRPC', 'With `orca`: a report older than this counts no more.'),
    updateMs: () => ms('updateMs', 100, 'gRPC', 'With `orca`: time between two updates of the weights.'),
    errorPenalty: () =>
      number({
        min: 0,
        max: 1_000,
        default: `${defaults.errorPenalty}`,
        source: 'gRPC',
        about: 'With `orca`: how much errors/requests add to the utilization.',
      }),
  }
  type Name = keyof typeof options
  const called = required(z.literal(name), { type: 'string', range: `\`'${name}'\``, about: 'The policy.' })
  const shape: Partial<Record<Name | 'name', ReturnType<(typeof options)[Name]> | typeof called>> = {
    name: called,
  }
  for (const option of Object.keys(defaults) as Name[]) shape[option] = options[option]()
  return shape
}

/** Where the key of hashing policies comes from. */
export function hashOnShape(z: Zod, { text, documented }: FieldKinds) {
  const about = (what: string) => ({ default: 'none', about: `Takes the hash key from ${what}.` })
  return {
    header: text({ right: 'the name of a header', pattern: TOKEN, ...about('this request header') }),
    cookie: text({ right: 'the name of a cookie', pattern: TOKEN, ...about('this cookie') }),
    query: text({ right: 'the name of a query parameter', pattern: /./, ...about('this query parameter') }),
    path: documented(z.literal(true, { error: 'must be true, or left out' }), {
      type: 'true',
      range: 'true',
      ...about("the URL's path"),
    }),
  }
}

function isPrime(value: number): boolean {
  // Values out of range are judged by the range, and would be divided for ever.
  if (!(value <= MAX_TABLE)) return false
  if (value % 2 === 0) return value === 2
  for (let divisor = 3; divisor * divisor <= value; divisor += 2) if (value % divisor === 0) return false
  return value > 1
}
