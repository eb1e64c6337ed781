import type { Case } from '../harness/case.js'

const NS_PER_MS = 1e6
/** The clock is read once a batch: often enough to end in time, seldom enough not to be measured. */
const MIN_BATCH_MS = 1

/** Results of the operations end up here, so that the compiler cannot leave any of them out. */
export let sink = 0

/**
 * A case that runs `operation` for as many ms as its slice says, with a count from 0 on; the figure is `ns` an operation.
 * In a process of its own there is one operation only, so it is compiled for what it is.
 */
export function timedLoop(operation: (count: number) => number): Case {
  let count = 0
  let batch = 1
  const runBatch = (): void => {
    let sum = 0
    for (const end = count + batch; count < end; count++) sum += operation(count)
    sink += sum
  }
  return {
    slice(ms) {
      const first = count
      const begun = performance.now()
      let elapsed = 0
      let batchBegun = begun
      while (elapsed < (ms as number)) {
        runBatch()
        const now = performance.now()
        if (now - batchBegun < MIN_BATCH_MS) batch *= 2
        batchBegun = now
        elapsed = now - begun
      }
      return { ns: (elapsed * NS_PER_MS) / (count - first) }
    },
  }
}
