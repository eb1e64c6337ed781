// One thread of recorded histories of limits: takes places and gives them back, at random, and says what it got.
import { parentPort, workerData } from 'node:worker_threads'
import { seedRandom } from '../../dist/engine/atomics/random.js'
import { fallbackFactory } from '../../dist/engine/fallback/index.js'
import { THREAD, threadWord } from '../../dist/engine/layout.js'
import { createNativeFactory } from '../../dist/engine/native/core.js'
import { loadAddon } from '../../dist/engine/native/load.js'
import { Balancer } from '../../dist/index.js'
import { holdUp, meet, reading, seeded } from './recording.mjs'

const { target, source, rounds, thread, threads, clock, calls, isHeldUp, seed } = workerData
const below = seeded(seed + thread)

function factory(kind) {
  if (kind === 'fallback') return fallbackFactory
  const loaded = loadAddon()
  if ('error' in loaded) throw loaded.error
  return createNativeFactory(loaded.addon)
}

/** What is called: `take` says which place it got, if any, and `leave` gives it back. */
const targets = {
  /** A core over a block: endpoints by the number of their slot. */
  core: ({ kind, root, services, segments, slots, distributor }) => {
    seedRandom(root, threadWord(thread) + THREAD.RANDOM, seed, thread)
    const core = factory(kind).createCore(root, thread)
    core.addServices(0, services)
    for (const [index, segment] of segments.entries()) core.addSegment(index, segment)
    const pick = core.picker({ distributor, metric: 0, service: 0, slots })
    return {
      take() {
        // A slot of its own choice, or any.
        const wanted = below(3) === 0 ? slots[below(slots.length)] : undefined
        const slot = wanted === undefined ? pick() : core.reserve(wanted) ? wanted : -1
        return { wanted, got: slot < 0 ? undefined : slot }
      },
      leave: (slot) => core.end(slot, core.startedAt(), below(3), below(5) - 1),
    }
  },
  /** A balancer with one service: endpoints by their id. */
  balancer: ({ handle }) => {
    const balancer = Balancer.attach(handle)
    return {
      take() {
        try {
          return { got: balancer.pick('users') }
        } catch (error) {
          return { refused: error.message }
        }
      },
      leave: (lease) => lease.end({ ok: true, status: 200, latencyMs: 1 }),
      nameOf: (lease) => lease.endpoint.id,
    }
  },
}

const { take, leave, nameOf = (place) => place } = targets[target](source)
if (isHeldUp) holdUp(seed + thread)
const histories = Array.from({ length: rounds }, (_, round) => {
  const held = []
  const history = []
  meet(clock, threads, round)
  // All places are given back in the end.
  for (let i = 0; i < calls || held.length > 0; i++) {
    const takes = i < calls && below(2) === 0
    if (!takes && held.length === 0) continue
    const place = takes ? undefined : held.splice(below(held.length), 1)[0]
    const invoked = reading(clock)
    const said = takes ? take() : leave(place)
    const responded = reading(clock)
    if (!takes) history.push({ thread, verb: 'leave', invoked, responded, got: nameOf(place) })
    else {
      const isRefused = said.got === undefined
      if (!isRefused) held.push(said.got)
      history.push({
        thread,
        verb: 'take',
        invoked,
        responded,
        ...said,
        got: isRefused ? undefined : nameOf(said.got),
      })
    }
  }
  return history
})
parentPort.postMessage(histories)
