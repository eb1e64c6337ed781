/** Threads that pick and end at the same time: over one block of shared memory, or each over one of its own. */
import type { Case } from '../harness/case.js'
import type { ThreadWork } from '../harness/thread-work.js'
import { Threads } from '../harness/threads.js'
import { type Block, createBlock, openBlock } from './block.js'
import { cycle } from './cycle.js'

export interface Parameters {
  readonly threads: number
  readonly endpoints: number
  readonly shared: boolean
}

interface ThreadParameters {
  readonly block: Block
  readonly thread: number
}

const CHECK_EVERY = 256

export async function prepare({ threads, endpoints, shared }: Parameters): Promise<Case> {
  const one = createBlock(endpoints)
  const all = await Threads.start(
    import.meta.url,
    Array.from({ length: threads }, (_, thread): ThreadParameters => {
      return { block: shared ? one : createBlock(endpoints), thread }
    }),
  )
  return {
    /** @param ms for which every thread picks */
    async slice(ms) {
      const { samples, ns, cpuNs } = await all.slice(new Array(threads).fill(ms))
      const picks = samples.reduce((sum, sample) => sum + sample['picks'], 0)
      return { cpuNs: cpuNs / picks, perSecond: (picks * 1e9) / ns }
    },
    close: () => all.close(),
  }
}

export function prepareThread({ block, thread }: ThreadParameters): ThreadWork {
  const next = cycle(openBlock(block, thread))
  let count = 0
  return {
    slice(ms) {
      const first = count
      const until = performance.now() + (ms as number)
      while (performance.now() < until)
        for (const end = count + CHECK_EVERY; count < end; count++) next(count)
      return { picks: count - first }
    },
  }
}
