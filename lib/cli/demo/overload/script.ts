/** The third act: all servers are well, and twice what they can serve is asked of them, by callers who do not wait for ever. */
import { ENDPOINT_NAMES, type EndpointName, type LoadPlan, MEAN_WORK, type Workplace } from '../script.js'

const MS_PER_SECOND = 1000
/** Mean time that a server works on a request, ms: so long that few requests are many, whatever --rate says. */
export const MEAN_MS = 100
/** A server of this act works on for callers who have gone, as most do. */
const WORKPLACE: Workplace = { medianMs: MEAN_MS / MEAN_WORK, workers: 2, noticesAborts: false }
export const WORKPLACES = Object.fromEntries(ENDPOINT_NAMES.map((name) => [name, WORKPLACE])) as Readonly<
  Record<EndpointName, Workplace>
>

/** Requests a second that the servers can serve together. */
export const CAPACITY = ENDPOINT_NAMES.reduce(
  (sum, name) => sum + (WORKPLACES[name].workers * MS_PER_SECOND) / (WORKPLACES[name].medianMs * MEAN_WORK),
  0,
)
/** Offered, in multiples of the capacity. */
export const LOAD = 2
/** How long a caller waits for the end of the answer, ms. */
export const PATIENCE_MS = 1000

/** Whatever --duration says: an overload takes some seconds to be found out, and some to be judged. */
const DURATION_MS = 21_000
/** A third. Whoever has to find out what servers take loses the first seconds: these work off what was sent to them before. */
const JUDGED_FROM_MS = 7_000

export interface OverloadPlan extends LoadPlan {
  /** Requests that are due before do not count in the verdict. */
  readonly judgedFromMs: number
}

export const overloadPlan = (seed: number): OverloadPlan => ({
  seed,
  rate: LOAD * CAPACITY,
  durationMs: DURATION_MS,
  judgedFromMs: JUDGED_FROM_MS,
})
