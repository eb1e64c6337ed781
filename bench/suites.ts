import type { Suite } from './harness/suite.js'
import { http } from './http.js'
import { load } from './load.js'
import { pick } from './pick.js'
import { queue } from './queue.js'
import { threads } from './threads.js'

/** Every suite, in the order in which they run. */
export const SUITES: readonly Suite[] = [load, pick, queue, threads, http]
