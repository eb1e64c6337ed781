// One thread of core.threads.test.ts: works on the shared block as it is told, through the compiled library.
import { parentPort, workerData } from 'node:worker_threads'
import { seedRandom } from '../../dist/engine/atomics/random.js'
import { fallbackFactory } from '../../dist/engine/fallback/index.js'
import { SLOT, THREAD, threadWord } from '../../dist/engine/layout.js'
import { createNativeFactory } from '../../dist/engine/native/core.js'
import { loadAddon } from '../../dist/engine/native/load.js'

const { kind, thread, root, services, segments, gate, job } = workerData

function factory() {
  if (kind === 'fallback') return fallbackFactory
  const loaded = loadAddon()
  if ('error' in loaded) throw loaded.error
  return createNativeFactory(loaded.addon)
}

seedRandom(root, threadWord(thread) + THREAD.RANDOM, 1, thread)
const core = factory().createCore(root, thread)
core.addServices(0, services)
for (const [index, segment] of segments.entries()) core.addSegment(index, segment)

const jobs = {
  /** Reserves and ends `cycles` times; leaves `kept` reservations. The most that were ever in flight to slot 0, seen after a reservation. */
  cycle({ cycles, kept, slots }) {
    const picks = [0, 1, 2].map((distributor) => core.picker({ distributor, metric: 1, service: 0, slots }))
    let ended = 0
    let most = 0
    for (let i = 0; i < cycles; i++) {
      const slot = i % 4 === 3 ? (core.reserve(slots[0]) ? slots[0] : -1) : picks[i % 3]()
      most = Math.max(most, Atomics.load(segments[0].cells, slots[0] * SLOT.WORDS + SLOT.IN_FLIGHT))
      if (slot < 0) continue
      core.end(slot, core.startedAt(), i % 3, i % 5)
      ended++
    }
    let left = 0
    while (left < kept) if (picks[2]() >= 0) left++
    return { ended, most }
  },
  /** Picks until nothing is left. */
  exhaust({ distributor, slots }) {
    const pick = core.picker({ distributor, metric: 0, service: 0, slots })
    let picked = 0
    while (pick() >= 0) picked++
    return { picked }
  },
  /** Round-robin picks, counted by slot. */
  turns({ picks, slots }) {
    const pick = core.picker({ distributor: 0, metric: 0, service: 0, slots })
    const counts = new Array(slots.length).fill(0)
    for (let i = 0; i < picks; i++) {
      const slot = pick()
      counts[slot]++
      core.end(slot, 0, 0, -1)
    }
    return { counts }
  },
  /** Ever higher latencies to slot 0; how often its average was found below one that this thread had just given. */
  peaks({ samples }) {
    const averages = new Float32Array(segments[0].cells.buffer)
    let lost = 0
    for (let i = 1; i <= samples; i++) {
      const latency = i * 8 + thread // exact in a float32
      core.reserve(0)
      // Lost: what was given up makes the average jump at once.
      core.end(0, 0, 3, latency)
      if (averages[SLOT.LATENCY + 1] < latency) lost++
    }
    return { lost }
  },
  /** Works until it is terminated. */
  forever({ slots }) {
    const pick = core.picker({ distributor: 2, metric: 1, service: 0, slots })
    for (;;) {
      const slot = pick()
      if (slot >= 0) core.end(slot, core.startedAt(), 0, Number.NaN)
    }
  },
}

// All threads start together: the last to arrive opens the gate.
if (Atomics.add(gate, 0, 1) + 1 === gate[1]) {
  Atomics.store(gate, 2, 1)
  Atomics.notify(gate, 2)
}
Atomics.wait(gate, 2, 0)
parentPort.postMessage(jobs[job.name](job))
