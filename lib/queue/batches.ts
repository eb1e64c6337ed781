/** What a queue's port reads, as an iteration: its batches until the queue has ended. */
import type { Reading } from './event-loop-reader.js'

interface Counted {
  readonly length: number
}

interface BatchReader<Batch> {
  read<Result>(most: number, as: (batch: Batch) => Result): Reading<Result>
}

/** Batches of up to `most` items. */
export function batchesOf<Batch extends Counted>(
  reader: BatchReader<Batch>,
  most: number,
): AsyncIterableIterator<Batch> {
  /** Of the reads that may be outstanding, the oldest first, which is also served first. */
  const cancels: (() => void)[] = []
  let outstanding = 0
  let returned = false
  const taken = (batch: Batch): IteratorResult<Batch> => {
    outstanding--
    return asResult(batch)
  }
  const iterator: AsyncIterableIterator<Batch> = {
    next: () => {
      if (returned) return Promise.resolve({ done: true, value: undefined })
      const reading = reader.read(most, taken)
      outstanding++
      cancels.push(reading.cancel)
      while (cancels.length > outstanding) cancels.shift()
      return reading.result
    },
    return: async () => {
      returned = true
      for (const cancel of cancels.splice(0)) cancel()
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]: () => iterator,
  }
  return iterator
}

const asResult = <Batch extends Counted>(batch: Batch): IteratorResult<Batch> =>
  batch.length === 0 ? { done: true, value: undefined } : { done: false, value: batch }

/** For reads that resolve to the batch itself. */
export const itself = <Batch>(batch: Batch): Batch => batch
