/** piscina, a pool of one worker thread: each request is a task with an answer, 1,024 of them under way. */
import { fileURLToPath } from 'node:url'
import { Piscina } from 'piscina'
import type { Case } from '../harness/case.js'
import { numberOf, Requests } from './carrier/carrier.js'

const UNDER_WAY = 1_024

export function prepare(): Case {
  const filename = fileURLToPath(new URL('./piscina-worker.js', import.meta.url))
  const pool = new Piscina({ filename, minThreads: 1, maxThreads: 1, concurrentTasksPerWorker: UNDER_WAY })
  const requests = new Requests(UNDER_WAY)
  return {
    /** @param ms for which requests are sent */
    async slice(ms) {
      const begun = performance.now()
      let done = 0
      while (performance.now() - begun < (ms as number)) {
        requests.number(done)
        const answers = await Promise.all(requests.all.map((request) => pool.run(request)))
        if (answers.some((answer, i) => answer !== numberOf(requests.all[i])))
          throw new Error('piscina: other bytes came out than went in')
        done += UNDER_WAY
      }
      return { perSecond: (done * 1e3) / (performance.now() - begun) }
    },
    close: () => pool.destroy(),
  }
}
