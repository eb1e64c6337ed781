import { fieldKinds, MAX_COUNT, MAX_MS } from '../options/fields.js'
import { loadZod } from '../runtime/lazy.js'

const MAX_REQUESTS = 1_000_000_000
const MAX_RATE = 100_000_000
const MAX_SEED = 0xffff_ffff
const MAX_FACTOR = 1_000
const MIN_FACTOR = 0.001

/** What each field may hold; how fields go together is for `parse.ts`. */
export function simulationSchema() {
  const z = loadZod()
  const kinds = fieldKinds(z)
  const { number, object, flag, choice, text, list, bare } = kinds
  const ms = (about: string, min = 0) => number({ min, max: MAX_MS, unit: 'ms', about })
  const time = (about: string) => bare({ min: 0, max: MAX_MS, unit: 'ms', above: true, about })
  const share = (about: string) => bare({ min: 0, max: 1, about })
  const factor = (about: string) => number({ min: MIN_FACTOR, max: MAX_FACTOR, about })
  const whole = (about: string, min: number, max: number) => number({ integer: true, min, max, about })

  const arrivals = z.optional(
    z.union(
      [
        z.enum(['poisson', 'constant']),
        object({
          onOff: z.optional(
            object({
              onMs: time('Mean length of a burst.'),
              offMs: time('Mean length of a quiet phase.'),
              offShare: number({ min: 0, max: 1, about: 'Rate of quiet phases over that of bursts.' }),
            }),
          ),
          trace: list(
            bare({ min: 0, max: MAX_MS, unit: 'ms', about: 'Time of an arrival.' }),
            'an array of times in ms',
            {
              about: 'Times of the arrivals.',
              nonEmpty: true,
            },
          ),
        }),
      ],
      { error: () => 'must be `poisson`, `constant`, or an object with `onOff` or `trace`' },
    ),
  )
  const serviceTime = z.union(
    [
      time('The same for each request.'),
      object({
        exponential: z.optional(object({ meanMs: time('Mean.') })),
        logNormal: z.optional(
          object({
            medianMs: time('Median.'),
            sigma: bare({ min: 0, max: 5, about: 'Standard deviation of the logarithm.' }),
          }),
        ),
        pareto: z.optional(
          object({
            minMs: time('Shortest.'),
            alpha: bare({ min: 1, max: 100, above: true, about: 'Exponent of the tail.' }),
          }),
        ),
        bimodal: z.optional(
          object({
            fastMs: time('Most requests.'),
            slowMs: time('The others.'),
            slowShare: share('Share of the others.'),
          }),
        ),
        empirical: list(time('A measured time.'), 'an array of times in ms', {
          about: 'Measured.',
          nonEmpty: true,
        }),
      }),
    ],
    {
      error: () =>
        `must be a number of ms, or an object with one of ${SERVICE_TIMES.map((one) => `\`${one}\``).join(', ')}`,
    },
  )
  const incident = object({
    fromMs: bare({ min: 0, max: MAX_MS, unit: 'ms', about: 'Begin.' }),
    untilMs: time('End.'),
    everyMs: ms('Period of flapping.', 1),
    forMs: ms('Part of the period in which it holds.', 1),
    slowBy: factor('Times as long.'),
    fail: choice(['status', 'refuse', 'hang'], { about: 'How requests fail.' }),
    share: number({ min: 0, max: 1, about: 'Share of them.' }),
    longPolls: z.optional(object({ share: share('Share of the requests.'), ms: time('Answered after.') })),
  })
  const endpoint = object({
    count: whole('This many alike.', 1, 10_000),
    workers: whole('Requests at once; 0: all.', 0, MAX_COUNT),
    speed: factor('2 takes half of the time.'),
    weight: z.optional(z.any()),
    zone: z.optional(z.any()),
    region: z.optional(z.any()),
    priority: z.optional(z.any()),
    incidents: list(incident, 'an array of incidents', { about: 'What is wrong with it, and when.' }),
    antagonist: z.optional(
      object({
        load: number({ min: 0, max: MAX_FACTOR, about: 'Share of the capacity that others use.' }),
        onMs: ms('Mean length of a phase with others.', 1),
        offMs: ms('Mean length of a phase without.'),
        slowBy: list(
          bare({ min: MIN_FACTOR, max: MAX_FACTOR, about: 'Times as long.' }),
          'an array of factors',
          {
            about: 'Levels of contention.',
            nonEmpty: true,
          },
        ),
        holdMs: ms('Mean length of a level.', 1),
      }),
    ),
  })
  return object(
    {
      title: text({ right: 'a text of at most 200 letters', maxLength: 200, about: 'Headline.' }),
      seed: whole('Seed.', 0, MAX_SEED),
      requests: whole('Requests that are counted.', 1, MAX_REQUESTS),
      warmUp: whole('Requests before those.', 0, MAX_REQUESTS),
      durationMs: ms('Last arrival.', 1),
      clients: whole('Processes.', 1, 1_000),
      load: object(
        {
          rate: number({ min: 0, max: MAX_RATE, above: true, unit: 'requests a second', about: 'Rate.' }),
          utilization: number({ min: 0, max: 100, above: true, about: 'Share of the capacity.' }),
          arrivals,
          ramp: list(
            object({
              atMs: bare({ min: 0, max: MAX_MS, unit: 'ms', about: 'Time.' }),
              factor: bare({ min: MIN_FACTOR, max: MAX_FACTOR, about: 'Times the rate.' }),
            }),
            'an array of points like { atMs: 0, factor: 1 }',
            { about: 'Ramp.', nonEmpty: true },
          ),
        },
        'an object with `rate` or `utilization`',
      ),
      serviceTime,
      endpoints: z
        .array(endpoint, { error: () => 'must be an array of endpoints like { count: 10, workers: 1 }' })
        .check(z.minLength(1, { error: 'is empty; a simulation needs an endpoint' })),
      deadlineMs: ms('Given up after.', 1),
      queue: flag({ about: 'Wait at the client where endpoints are full.' }),
      keys: z.optional(
        object({
          count: bare({ integer: true, min: 1, max: MAX_COUNT, about: 'Distinct keys.' }),
          zipf: number({ min: 0, max: 10, about: 'Exponent.' }),
        }),
      ),
      deploy: z.optional(
        object({
          startMs: bare({ min: 0, max: MAX_MS, unit: 'ms', about: 'First drain.' }),
          everyMs: time('From one to the next.'),
          drainMs: ms('Clients are told this long before.'),
          downMs: time('Down.'),
          coldMs: ms('Slow at first for this long.'),
          coldSlowBy: factor('Slow by.'),
        }),
      ),
      lateness: z.optional(
        object({
          everyMs: time('Period.'),
          forMs: time('Part of the period in which event loops are held.'),
          fromMs: ms('Begin.'),
          untilMs: ms('End.'),
        }),
      ),
      // Checked by the balancer's own schema.
      service: z.optional(z.any()),
      policies: z.optional(
        z
          .array(z.any(), { error: () => 'must be an array of policies' })
          .check(z.minLength(1, { error: 'is empty; leave it out for the default policy' })),
      ),
    },
    'an object with `load`, `serviceTime` and `endpoints`',
  )
}

export const SERVICE_TIMES = ['exponential', 'logNormal', 'pareto', 'bimodal', 'empirical'] as const
