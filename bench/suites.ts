import { admission } from './admission.js'
import { counters } from './counters.js'
import type { Suite } from './harness/suite.js'
import { hashing } from './hashing.js'
import { http } from './http.js'
import { load } from './load.js'
import { overload } from './overload.js'
import { pick } from './pick.js'
import { proxy } from './proxy.js'
import { queue } from './queue.js'
import { replay } from './replay.js'
import { scale } from './scale.js'
import { threads } from './threads.js'
import { topology } from './topology.js'
import { wake } from './wake.js'

/** Every suite, in the order in which they run. */
export const SUITES: readonly Suite[] = [
  load,
  pick,
  scale,
  topology,
  counters,
  queue,
  threads,
  wake,
  admission,
  hashing,
  http,
  proxy,
  replay,
  overload,
]
