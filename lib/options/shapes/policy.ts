import type { loadZod } from '../../runtime/lazy.js'
import { type FieldKinds, MAX_MS, TOKEN } from '../fields.js'
import { wrong } from '../words.js'

type Zod = ReturnType<typeof loadZod>

/** The options of the policy `name`: those that have a default. */
export function policyShape(
  z: Zod,
  { documented, required, number, bare }: FieldKinds,
  name: string,
  defaults: Record<string, unknown>,
) {
  const right = "a whole number from 2 to 65,535, or 'all'"
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
    decayMs: () =>
      number({
        min: 1,
        max: MAX_MS,
        unit: 'ms',
        default: `${defaults.decayMs}`,
        source: 'Finagle, Linkerd',
        about: 'Time constant of the latency average.',
      }),
    firstRttMs: () =>
      number({
        min: 0,
        max: MAX_MS,
        unit: 'ms',
        default: `${defaults.firstRttMs}`,
        source: 'Linkerd',
        about: 'Latency assumed of an endpoint that has not answered yet.',
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
