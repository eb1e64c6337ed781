import { describe, expect, it } from 'vitest'
import { OUTCOME, SLOT } from '../../lib/engine/layout.js'
import { EJECTION } from '../../lib/health/passive/ejection-words.js'
import { StallWatch, type Waiter } from '../../lib/health/passive/stall.js'
import type { Member } from '../../lib/topology/member.js'
import { ManualTimers } from '../support/manual-timers.js'
import { admitAll, endpoint, manualState, setNow } from '../support/state.js'

const START = 1_000_000
const STEP_MS = 50

/** Three endpoints, of which the first is the one in question; answers of the others take `answerMs`. */
function scene({ answerMs = 5, samples = 30, ejects = true, isOn = true } = {}) {
  const state = manualState(1, START)
  const timers = new ManualTimers(START)
  const members = admitAll(
    state,
    ['a', 'b', 'c'].map((id) => endpoint(id)),
  )
  const left = new Set<Member>()
  const stalled: { id: string; wasProbe: boolean; at: number }[] = []
  const watch = new StallWatch<Member>(
    state,
    timers,
    () => members.filter((member) => !left.has(member)),
    () => isOn,
    (member, wasProbe) => {
      stalled.push({ id: member.endpoint.id, wasProbe, at: timers.now() - START })
      if (ejects) state.set(member.slot, SLOT.EJECTION, EJECTION.EJECTED)
    },
  )
  const { core } = state
  const [silent, ...others] = members
  const send = (member: Member) => {
    core.reserve(member.slot)
    watch.began()
  }
  const answer = (member: Member, ms = answerMs) => {
    core.end(member.slot, 0, OUTCOME.SUCCEEDED, ms)
    watch.ended()
  }
  for (let i = 0; i < samples; i++) {
    send(others[i % 2])
    answer(others[i % 2])
  }
  let looks = 0
  /** Time goes by; the others go on answering, and an idempotent request looks where a look is due. */
  const pass = async (ms: number, { traffic = true, looking = true } = {}) => {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      setNow(state, timers.now() + STEP_MS)
      await timers.advance(STEP_MS)
      if (traffic)
        for (const other of others) {
          send(other)
          answer(other)
        }
      if (!looking || !watch.suspects) continue
      const member = watch.claimTrial(() => true)
      if (member !== undefined) {
        looks++
        send(member)
      }
    }
  }
  return { left, state, timers, watch, silent, others, stalled, send, answer, pass, looks: () => looks }
}

class Waiting implements Waiter {
  next: Waiter | undefined
  previous: Waiter | undefined
  left = 0
  readonly slot: number
  readonly #watch: StallWatch<Member>
  readonly #leaves: boolean

  constructor(watch: StallWatch<Member>, slot: number, leaves = true) {
    this.slot = slot
    this.#watch = watch
    this.#leaves = leaves
    watch.join(this)
  }

  leave(): void {
    this.left++
    if (this.#leaves) this.#watch.withdraw(this)
  }
}

describe('the stall rule', () => {
  it('ejects what has answered nothing for 5 s, while others answered, and not the last look either', async () => {
    const { silent, stalled, send, pass, looks } = scene()
    send(silent)
    await pass(5_000)
    expect(stalled).toEqual([])
    expect(looks()).toBe(3)
    await pass(400)
    expect(stalled).toEqual([{ id: 'a', wasProbe: false, at: expect.any(Number) }])
    expect(stalled[0].at).toBeGreaterThanOrEqual(5_000)
    expect(stalled[0].at).toBeLessThanOrEqual(5_350)
  })

  it('requests go elsewhere from an endpoint that answers nothing and has left meanwhile', async () => {
    const { left, silent, others, stalled, watch, send, pass } = scene()
    send(silent)
    const waiting = new Waiting(watch, silent.slot)
    const other = new Waiting(watch, others[0].slot)
    await pass(1_000)
    left.add(silent)
    await pass(3_500)
    expect(waiting.left).toBe(0)
    await pass(1_000)
    expect(waiting.left).toBe(1)
    expect(other.left).toBe(0)
    expect(stalled).toEqual([])
  })

  it('requests stay at an endpoint that has left and still answers', async () => {
    const { left, silent, watch, send, answer, pass } = scene()
    send(silent)
    const waiting = new Waiting(watch, silent.slot)
    left.add(silent)
    for (let i = 0; i < 10; i++) {
      await pass(1_000)
      send(silent)
      answer(silent)
    }
    expect(waiting.left).toBe(0)
  })

  it('looks after a fifth of the time, and each time that the silence has doubled', async () => {
    const { silent, send, pass, looks } = scene({ ejects: false })
    send(silent)
    const at = [900, 1_200, 1_900, 2_300, 3_900, 4_400, 7_900, 9_300]
    const seen: number[] = []
    let now = 0
    for (const time of at) {
      await pass(time - now)
      now = time
      seen.push(looks())
    }
    expect(seen).toEqual([0, 1, 1, 2, 2, 3, 3, 4])
  })

  it('looks at nobody while nobody knows how long answers take', async () => {
    const { silent, send, pass, looks } = scene({ answerMs: -1 })
    send(silent)
    await pass(30_000)
    expect(looks()).toBe(0)
  })

  it('an answer to a look ends the suspicion, however long the first request waits', async () => {
    const { silent, stalled, send, answer, pass, state, watch } = scene()
    send(silent)
    for (let i = 0; i < 60; i++) {
      await pass(1_000)
      // All but the first request there are answered.
      while (state.unanswered(silent.slot) > 1) answer(silent)
    }
    expect(stalled).toEqual([])
    expect(watch.suspects).toBe(false)
  })

  it('a slow service has its own measure: three times its slowest answer in a thousand', async () => {
    const { silent, stalled, send, pass } = scene({ answerMs: 4_000 })
    send(silent)
    await pass(11_000)
    expect(stalled).toEqual([])
    await pass(2_500)
    expect(stalled).toHaveLength(1)
  })

  it.each([
    ['nobody knows how long answers take', { answerMs: -1 }, {}],
    ['nobody else answers', {}, { traffic: false }],
    ['nobody has looked', {}, { looking: false }],
  ])('proves nothing where %s', async (_why, options, during) => {
    const { silent, stalled, send, pass } = scene(options)
    send(silent)
    await pass(60_000, during)
    expect(stalled).toEqual([])
  })

  it('with nothing unanswered nobody is suspected, and no timer runs on', async () => {
    const { silent, stalled, send, answer, pass, watch, timers, state } = scene()
    send(silent)
    await pass(2_000)
    expect(watch.suspects).toBe(true)
    while (state.unanswered(silent.slot) > 0) answer(silent)
    await timers.advance(500)
    expect(timers.pending).toBe(0)
    expect(watch.suspects).toBe(false)
    expect(stalled).toEqual([])
  })

  it('one look at a time over all threads, and another at once where it was cancelled', async () => {
    const { silent, others, send, pass, watch, state, timers } = scene()
    const other = new StallWatch<Member>(
      state,
      timers,
      () => [silent, ...others],
      () => true,
      () => {},
    )
    send(silent)
    other.began()
    await pass(1_100, { looking: false })
    expect(watch.claimTrial(() => true)).toBe(silent)
    expect(other.claimTrial(() => true)).toBeUndefined()
    watch.trialCancelled(silent, 100)
    expect(other.claimTrial(() => true)).toBe(silent)
  })

  it('does not look at an endpoint that may not be used', async () => {
    const { silent, send, pass, watch, state } = scene()
    send(silent)
    await pass(1_100, { looking: false })
    state.set(silent.slot, SLOT.ADMIN, 1)
    expect(watch.claimTrial(() => true)).toBeUndefined()
    state.set(silent.slot, SLOT.ADMIN, 0)
    expect(watch.claimTrial(() => false)).toBeUndefined()
    expect(watch.claimTrial(() => true)).toBe(silent)
  })

  it('lets the requests go that wait there, and only those; what stays is asked again', async () => {
    const { silent, others, send, pass, watch } = scene()
    send(silent)
    const [one, two, elsewhere, stays] = [
      new Waiting(watch, silent.slot),
      new Waiting(watch, silent.slot),
      new Waiting(watch, others[0].slot),
      new Waiting(watch, silent.slot, false),
    ]
    watch.withdraw(two)
    await pass(5_400)
    expect([one.left, two.left, elsewhere.left]).toEqual([1, 0, 0])
    const before = stays.left
    expect(before).toBeGreaterThanOrEqual(1)
    await pass(1_000)
    expect(stays.left).toBeGreaterThan(before)
    expect(one.left).toBe(1)
  })

  it('looks at nobody where stalls do not eject', async () => {
    const { silent, stalled, send, pass, looks } = scene({ isOn: false })
    send(silent)
    await pass(20_000)
    expect([looks(), stalled.length]).toEqual([0, 0])
  })

  it('lets nobody go where nothing is ejected', async () => {
    const { silent, send, pass, watch } = scene({ ejects: false })
    send(silent)
    const waiting = new Waiting(watch, silent.slot)
    await pass(10_000)
    expect(waiting.left).toBe(0)
  })

  it('a probe request has its own time, whoever has waited there for how long', async () => {
    const { silent, stalled, send, pass, state, timers } = scene()
    send(silent)
    await pass(5_400)
    expect(stalled).toHaveLength(1)
    state.set(silent.slot, SLOT.EJECTION, EJECTION.PROBING)
    state.setDouble(silent.slot, SLOT.PROBE_SINCE, timers.now())
    send(silent)
    await pass(4_500)
    expect(stalled).toHaveLength(1)
    await pass(1_000)
    expect(stalled[1]).toMatchObject({ id: 'a', wasProbe: true })
  })
})
