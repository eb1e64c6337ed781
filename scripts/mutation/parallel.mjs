import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const LOOK_MS = 1_000

/**
 * Takes the items in turn, in some lanes side by side, each with what it set up for itself.
 * @template T
 * @param {T[]} items
 * @param {{ lanes: number, pauseFile: string }} options no item is begun while there is such a file; '': none
 * @param {(lane: number) => Promise<{ each: (item: T) => Promise<void>, end: () => void }>} open
 */
export async function inParallel(items, { lanes, pauseFile }, open) {
  const rest = [...items]
  const run = async (/** @type {number} */ lane) => {
    if (rest.length === 0) return
    const { each, end } = await open(lane)
    try {
      for (let item = rest.shift(); item !== undefined; item = rest.shift()) {
        while (pauseFile !== '' && existsSync(pauseFile)) await sleep(LOOK_MS)
        await each(item)
      }
    } finally {
      end()
    }
  }
  await Promise.all(Array.from({ length: lanes }, (_, lane) => run(lane + 1)))
}
