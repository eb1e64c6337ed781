import { acquireRows } from './admission/acquire.js'
import { handOverRows } from './admission/hand-over.js'
import { pipelineRows } from './admission/pipeline.js'
import { waiterRows } from './admission/waiters.js'
import type { Suite } from './harness/suite.js'

export const admission: Suite = {
  name: 'admission',
  about: 'requests that ask for a place, and wait for one: cost, hand-over, memory, rate',
  async run(run) {
    return [
      ...(await acquireRows(run)),
      ...(await handOverRows(run)),
      ...(await waiterRows(run)),
      ...(await pipelineRows(run)),
    ]
  },
}
