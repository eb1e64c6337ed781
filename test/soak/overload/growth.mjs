// What a process uses while it has nothing to do, and whether that grows over a run.
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const MIB = 2 ** 20

/** Heap of this thread after two collections: what finalizers free is gone with the second. MiB. */
export async function heapAtRest() {
  for (let i = 0; i < 2; i++) {
    await sleep(10)
    globalThis.gc()
  }
  return process.memoryUsage().heapUsed / MIB
}

export const rssMiB = () => process.memoryUsage.rss() / MIB

/**
 * Sockets, pipes and event loops of this process; undefined where the system does not tell. Not its files: Node leaves one open where a
 * thread is terminated while it reads its modules.
 */
export function descriptors() {
  const folder = '/proc/self/fd'
  if (!existsSync(folder)) return undefined
  return readdirSync(folder).filter((name) => !isFile(`${folder}/${name}`)).length
}

function isFile(path) {
  try {
    return readlinkSync(path).startsWith('/')
  } catch {
    // It was the one to read the folder with.
    return true
  }
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1]

/** Medians of the first and of the last third of what comes after the warm-up, the first fifth. */
export function thirds(values) {
  const after = values.slice(Math.ceil(values.length / 5))
  const third = Math.max(1, Math.floor(after.length / 3))
  return { early: median(after.slice(0, third)), late: median(after.slice(-third)) }
}
