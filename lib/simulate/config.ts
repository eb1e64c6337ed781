/** What a simulation is given: endpoints, load, and how long. All times in ms, all rates in requests a second. */
import type { PolicyConfig, ServiceConfig } from '../model/index.js'

/** A simulation: endpoints, load, and the policies to compare. See docs/simulation.md. */
export interface SimulationConfig {
  /** Headline of the table and the plots. */
  title?: string
  /** Seed of all random numbers, the balancers' own included. Default 1. */
  seed?: number
  /** Requests that are counted; may be left out where `durationMs` or a trace says when it ends. */
  requests?: number
  /** Requests before those, until queues have their usual length. Default 0. */
  warmUp?: number
  /** No request arrives after this time, ms; default: as long as `requests` take. */
  durationMs?: number
  /** Processes that send requests, each with a balancer of its own that knows nothing of the others. Default 1. */
  clients?: number
  load: LoadConfig
  serviceTime: ServiceTimeConfig
  endpoints: readonly SimulatedEndpointConfig[]
  /** A request that is not answered after this long is given up, ms; default: never. */
  deadlineMs?: number
  /**
   * Whether the balancer knows the deadline, as of `balancer.with({ deadlineMs })`, or only meets the abort, as of
   * `AbortSignal.timeout()`. Default `abort`.
   */
  deadline?: 'known' | 'abort'
  /** Share of the requests of each tier (`priority`), of 0 first; at most four, which sum up to 1. Default: all are of tier 1. */
  tiers?: readonly number[]
  /** Requests carry one of `count` keys, of which the i-th is as frequent as 1/i^zipf. Default: no keys. */
  keys?: { count: number; zipf?: number }
  /** Endpoints are replaced one after the other. */
  deploy?: DeployConfig
  /** The clients' event loops are held now and then. */
  lateness?: LatenessConfig
  /**
   * Options of the service, as in a balancer's configuration; neither endpoints nor policy. Requests that find no place
   * (`limits`) wait in the admission queue (`queue`).
   */
  service?: Omit<ServiceConfig, 'endpoints' | 'policy'>
  /** Which policies are compared. Default: the default one. */
  policies?: readonly SimulatedPolicy[]
}

/** As in a balancer's configuration; `label` is what the results call it, and sets it apart from itself with other options. */
export type SimulatedPolicy = NonNullable<ServiceConfig['policy']> | (PolicyConfig & { label: string })

/** How many requests are sent, and when. */
export interface LoadConfig {
  /** Requests a second on average, of all clients together. Either this or `utilization`. */
  rate?: number
  /** Share of what all endpoints can serve together, undisturbed. */
  utilization?: number
  /** Default `poisson`. */
  arrivals?: ArrivalsConfig
  /** The rate is multiplied by a factor that runs straight from point to point, and stays as it is beyond both ends; above 0. */
  ramp?: readonly { atMs: number; factor: number }[]
}

/** How requests are spread over time. */
export type ArrivalsConfig =
  | 'poisson'
  /** At equal distances. */
  | 'constant'
  /** Poisson in bursts: phases of exponential length, the quiet ones with `offShare` (default 0) of the bursts' rate. */
  | { onOff: { onMs: number; offMs: number; offShare?: number } }
  /** These times in ms, ascending; the rate says nothing then. */
  | { trace: readonly number[] }

/** Time that a request takes at an endpoint that has nothing else to do; a number is the same for each. */
export type ServiceTimeConfig =
  | number
  | { exponential: { meanMs: number } }
  | { logNormal: { medianMs: number; sigma: number } }
  /** Above 1: its mean is finite. */
  | { pareto: { minMs: number; alpha: number } }
  | { bimodal: { fastMs: number; slowMs: number; slowShare: number } }
  /** One of these, each as likely: measured times. */
  | { empirical: readonly number[] }

/** One endpoint, or `count` alike: how fast it is, and what happens to it. Times are in ms. */
export interface SimulatedEndpointConfig {
  /** This many alike. Default 1. */
  count?: number
  /** Requests that it works on at once, others wait in order of arrival; 0: all at once. Default 1. */
  workers?: number
  /** 2 takes half of the service time. Default 1. */
  speed?: number
  /**
   * Whether it notices that a client has given up: then it does not begin what it has not begun. What it has begun it
   * finishes in any case. Default true.
   */
  noticesAborts?: boolean
  weight?: number
  zone?: string
  region?: string
  priority?: number
  incidents?: readonly IncidentConfig[]
  antagonist?: AntagonistConfig
}

/** Something is wrong with an endpoint from `fromMs` to `untilMs`. */
export interface IncidentConfig {
  fromMs: number
  untilMs: number
  /** Flapping: only in the first `forMs` of every `everyMs`. */
  everyMs?: number
  forMs?: number
  /** Service takes that many times as long, for requests that begin meanwhile. */
  slowBy?: number
  /**
   * `status`: answers 503 after 1 ms. `refuse`: no connection is accepted, those that there are break. `hang`: connections
   * are accepted and nothing is answered; what is done by then is answered when it ends.
   */
  fail?: 'status' | 'refuse' | 'hang'
  /** Share of the requests that fail; default 1. Only of `status`. */
  share?: number
  /** This share of the requests is answered only after `ms`, and holds no worker meanwhile. */
  longPolls?: { share: number; ms: number }
}

/**
 * Each client's event loop is held for `forMs` of every `everyMs`, from `fromMs` (0) until `untilMs` (the end); clients are
 * held in turn. What happens meanwhile is seen late, answers and deadlines included, and no request is sent.
 */
export interface LatenessConfig {
  everyMs: number
  forMs: number
  fromMs?: number
  untilMs?: number
}

/** What others do to an endpoint. */
export type AntagonistConfig =
  /** Requests of others, in the same queue: `load` is their share of its capacity, in phases of exponential length. */
  | { load: number; onMs?: number; offMs?: number }
  /** Others take its processor: one of these factors, another one after `holdMs` on average (exponential). */
  | { slowBy: readonly number[]; holdMs: number }

/** One endpoint after the other is drained, replaced and taken back. */
export interface DeployConfig {
  startMs: number
  /** From one endpoint's drain to the next one's. */
  everyMs: number
  /** How long clients have been told before it goes down; 0: they are not told. Default 0. */
  drainMs?: number
  downMs: number
  /** The new one is slow at first. */
  coldMs?: number
  coldSlowBy?: number
}
