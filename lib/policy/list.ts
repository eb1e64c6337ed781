import { adaptive } from './adaptive.js'
import { geographic } from './geographic.js'
import { ipHash } from './ip-hash.js'
import { joinIdleQueue } from './join-idle-queue.js'
import { leastRequest } from './least-request.js'
import { leastResponseTime } from './least-response-time.js'
import { maglev } from './maglev.js'
import { peakEwma } from './peak-ewma.js'
import { prequal } from './prequal.js'
import { random } from './random.js'
import { rendezvous } from './rendezvous.js'
import { resourceBased } from './resource-based.js'
import { ringHash } from './ring-hash.js'
import { roundRobin } from './round-robin.js'
import { weightedRandom } from './weighted-random.js'
import { weightedRoundRobin } from './weighted-round-robin.js'

/** Every policy of fairlead's own. To add one: its file, and a line here. */
export const POLICY_LIST = [
  peakEwma,
  leastRequest,
  leastResponseTime,
  roundRobin,
  weightedRoundRobin,
  random,
  weightedRandom,
  ipHash,
  ringHash,
  maglev,
  rendezvous,
  geographic,
  resourceBased,
  adaptive,
  prequal,
  joinIdleQueue,
] as const

/** The one that a service has unless it names another. */
export const DEFAULT_POLICY = peakEwma.name
