/** Threads whose engine cores pick and end at the same time: over one block of shared memory, or each over one of its own. */
import type { Case } from '../harness/case.js'
import type { ThreadWork } from '../harness/thread-work.js'
import { Threads } from '../harness/threads.js'
import { type Block, createBlock, openBlock } from './block.js'
import { cycle } from './cycle.js'
import { pickFor } from './pick-for.js'

export interface Parameters {
  readonly threads: number
  readonly endpoints: number
  readonly shared: boolean
}

interface ThreadParameters {
  readonly block: Block
  readonly thread: number
}

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
      const { samples, cpuNs } = await all.slice(new Array(threads).fill(ms))
      return { cpuNs: cpuNs / samples.reduce((sum, sample) => sum + sample['picks'], 0) }
    },
    close: () => all.close(),
  }
}

export const prepareThread = ({ block, thread }: ThreadParameters): ThreadWork =>
  pickFor(cycle(openBlock(block, thread)))
