import type { PolicyName } from '../model.js'
import { adaptive } from './adaptive.js'
import { geographic } from './geographic.js'
import { ipHash } from './ip-hash.js'
import { leastRequest } from './least-request.js'
import { leastResponseTime } from './least-response-time.js'
import { peakEwma } from './peak-ewma.js'
import type { Policy } from './policy.js'
import { random } from './random.js'
import { resourceBased } from './resource-based.js'
import { roundRobin } from './round-robin.js'
import { weightedRoundRobin } from './weighted-round-robin.js'

/** Every policy by its name. */
export const POLICIES: Readonly<Record<PolicyName, Policy>> = {
  'peak-ewma': peakEwma,
  'least-request': leastRequest,
  'least-response-time': leastResponseTime,
  'round-robin': roundRobin,
  'weighted-round-robin': weightedRoundRobin,
  random,
  'ip-hash': ipHash,
  geographic,
  'resource-based': resourceBased,
  adaptive,
}
