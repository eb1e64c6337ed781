import { MAX_COUNT, MAX_MS } from '../options/common.js'
import { anything, choice, either, flag, group, list, number, text } from '../options/kinds.js'

const MAX_REQUESTS = 1_000_000_000
const MAX_RATE = 100_000_000
const MAX_SEED = 0xffff_ffff
const MAX_FACTOR = 1_000
const MIN_FACTOR = 0.001

/** How fields go together is for `parse.ts`. */
const ms = (about: string, min = 0) => number({ min, max: MAX_MS, unit: 'ms', about })
const time = (about: string) =>
  number({ min: 0, max: MAX_MS, unit: 'ms', above: true, required: true, about })
const share = (about: string) => number({ min: 0, max: 1, required: true, about })
const factor = (about: string) => number({ min: MIN_FACTOR, max: MAX_FACTOR, about })
const whole = (about: string, min: number, max: number) => number({ integer: true, min, max, about })

const ARRIVALS = either(
  [
    choice(['poisson', 'constant']),
    group({
      onOff: group({
        onMs: time('Mean length of a burst.'),
        offMs: time('Mean length of a quiet phase.'),
        offShare: number({ min: 0, max: 1, about: 'Rate of quiet phases over that of bursts.' }),
      }),
      trace: list(number({ min: 0, max: MAX_MS, unit: 'ms', about: 'Time of an arrival.' }), {
        right: 'an array of times in ms',
        about: 'Times of the arrivals.',
        nonEmpty: true,
      }),
    }),
  ],
  {
    right: '`poisson`, `constant`, or an object',
    message: () => 'must be `poisson`, `constant`, or an object with `onOff` or `trace`',
  },
)

const SERVICE_TIME_KINDS = {
  exponential: group({ meanMs: time('Mean.') }),
  logNormal: group({
    medianMs: time('Median.'),
    sigma: number({ min: 0, max: 5, required: true, about: 'Standard deviation of the logarithm.' }),
  }),
  pareto: group({
    minMs: time('Shortest.'),
    alpha: number({ min: 1, max: 100, above: true, required: true, about: 'Exponent of the tail.' }),
  }),
  bimodal: group({
    fastMs: time('Most requests.'),
    slowMs: time('The others.'),
    slowShare: share('Share of the others.'),
  }),
  empirical: list(time('A measured time.'), {
    right: 'an array of times in ms',
    about: 'Measured.',
    nonEmpty: true,
  }),
}

export const SERVICE_TIMES = Object.keys(SERVICE_TIME_KINDS)

const SERVICE_TIME = either([time('The same for each request.'), group(SERVICE_TIME_KINDS)], {
  right: 'a number of ms, or an object',
  required: true,
  message: () =>
    `must be a number of ms, or an object with one of ${SERVICE_TIMES.map((one) => `\`${one}\``).join(', ')}`,
})

const INCIDENT = group({
  fromMs: number({ min: 0, max: MAX_MS, unit: 'ms', required: true, about: 'Begin.' }),
  untilMs: time('End.'),
  everyMs: ms('Period of flapping.', 1),
  forMs: ms('Part of the period in which it holds.', 1),
  slowBy: factor('Times as long.'),
  fail: choice(['status', 'refuse', 'hang'], { about: 'How requests fail.' }),
  share: number({ min: 0, max: 1, about: 'Share of them.' }),
  longPolls: group({ share: share('Share of the requests.'), ms: time('Answered after.') }),
})

const ENDPOINT = group({
  count: whole('This many alike.', 1, 10_000),
  workers: whole('Requests at once; 0: all.', 0, MAX_COUNT),
  speed: factor('2 takes half of the time.'),
  noticesAborts: flag({ about: 'What was given up is not begun.' }),
  weight: anything(),
  zone: anything(),
  region: anything(),
  priority: anything(),
  incidents: list(INCIDENT, {
    right: 'an array of incidents',
    about: 'What is wrong with it, and when.',
  }),
  antagonist: group({
    load: number({ min: 0, max: MAX_FACTOR, about: 'Share of the capacity that others use.' }),
    onMs: ms('Mean length of a phase with others.', 1),
    offMs: ms('Mean length of a phase without.'),
    slowBy: list(number({ min: MIN_FACTOR, max: MAX_FACTOR, about: 'Times as long.' }), {
      right: 'an array of factors',
      about: 'Levels of contention.',
      nonEmpty: true,
    }),
    holdMs: ms('Mean length of a level.', 1),
  }),
})

const LOAD = group(
  {
    rate: number({ min: 0, max: MAX_RATE, above: true, unit: 'requests a second', about: 'Rate.' }),
    utilization: number({ min: 0, max: 100, above: true, about: 'Share of the capacity.' }),
    arrivals: ARRIVALS,
    ramp: list(
      group({
        atMs: number({ min: 0, max: MAX_MS, unit: 'ms', required: true, about: 'Time.' }),
        factor: number({ min: MIN_FACTOR, max: MAX_FACTOR, required: true, about: 'Times the rate.' }),
      }),
      { right: 'an array of points like { atMs: 0, factor: 1 }', about: 'Ramp.', nonEmpty: true },
    ),
  },
  { right: 'an object with `rate` or `utilization`', required: true },
)

/** What each field may hold. */
export const SIMULATION = group(
  {
    title: text({ right: 'a text of at most 200 letters', maxLength: 200, about: 'Headline.' }),
    seed: whole('Seed.', 0, MAX_SEED),
    requests: whole('Requests that are counted.', 1, MAX_REQUESTS),
    warmUp: whole('Requests before those.', 0, MAX_REQUESTS),
    durationMs: ms('Last arrival.', 1),
    clients: whole('Processes.', 1, 1_000),
    load: LOAD,
    serviceTime: SERVICE_TIME,
    endpoints: list(ENDPOINT, {
      right: 'an array of endpoints',
      message: () => 'must be an array of endpoints like { count: 10, workers: 1 }',
      nonEmpty: true,
      whenEmpty: 'is empty; a simulation needs an endpoint',
      required: true,
    }),
    deadlineMs: ms('Given up after.', 1),
    deadline: choice(['known', 'abort'], { about: 'What the balancer knows of the deadline.' }),
    tiers: list(number({ min: 0, max: 1, about: 'Share of the requests.' }), {
      right: 'an array of shares',
      about: 'Share of the requests of each tier.',
      nonEmpty: true,
    }),
    keys: group({
      count: number({ integer: true, min: 1, max: MAX_COUNT, required: true, about: 'Distinct keys.' }),
      zipf: number({ min: 0, max: 10, about: 'Exponent.' }),
    }),
    deploy: group({
      startMs: number({ min: 0, max: MAX_MS, unit: 'ms', required: true, about: 'First drain.' }),
      everyMs: time('From one to the next.'),
      drainMs: ms('Clients are told this long before.'),
      downMs: time('Down.'),
      coldMs: ms('Slow at first for this long.'),
      coldSlowBy: factor('Slow by.'),
    }),
    lateness: group({
      everyMs: time('Period.'),
      forMs: time('Part of the period in which event loops are held.'),
      fromMs: ms('Begin.'),
      untilMs: ms('End.'),
    }),
    // Checked by the balancer's own options.
    service: anything(),
    policies: list(anything(), {
      right: 'an array of policies',
      message: () => 'must be an array of policies',
      nonEmpty: true,
      whenEmpty: 'is empty; leave it out for the default policy',
    }),
  },
  { right: 'an object with `load`, `serviceTime` and `endpoints`' },
)
