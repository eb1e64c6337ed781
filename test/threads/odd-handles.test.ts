/** Handles that are anything but handles: each is refused with FAIRLEAD_HANDLE, by every class that attaches. */
import { afterAll, describe, expect, it } from 'vitest'
import { HEADER } from '../../lib/engine/layout.js'
import { Balancer, HandleError, RequestQueue, TicketQueue } from '../../lib/index.js'
import { ownBalancer, until } from '../support/attached.js'
import { oddValues, spoiled } from '../support/odd-values.js'
import { seeded } from '../support/seeded.mjs'

const ROUNDS = 12

const tickets = new TicketQueue({ capacity: 100 })
const requests = new RequestQueue({ capacity: 100, slotBytes: 32 })
const balancer = new Balancer({ services: { users: { endpoints: ['http://a.test', 'http://b.test'] } } })
afterAll(() => balancer.stop({ drainMs: 0 }))

const classes: [string, () => object, (handle: never) => unknown][] = [
  ['TicketQueue', () => tickets.handle, (handle) => TicketQueue.attach(handle)],
  ['RequestQueue', () => requests.handle, (handle) => RequestQueue.attach(handle)],
  ['Balancer', () => balancer.handle, (handle) => Balancer.attach(handle)],
]

/** HandleError or, where it was attached all the same, undefined. */
async function outcomeOf(attach: () => unknown): Promise<unknown> {
  try {
    const attached = attach()
    if (attached instanceof Balancer) await attached.stop({ drainMs: 0 })
    return undefined
  } catch (error) {
    return error
  }
}

describe.each(classes)('%s.attach', (name, handle, attach) => {
  it('refuses every odd value with FAIRLEAD_HANDLE', async () => {
    for (const odd of oddValues) {
      const outcome = await outcomeOf(() => attach(odd() as never))
      expect(outcome).toBeInstanceOf(HandleError)
      expect(outcome).toMatchObject({ code: 'FAIRLEAD_HANDLE', message: expect.stringMatching(/handle/) })
    }
  })

  it.each(classes)(`refuses the handle of a %s, unless it is of a ${name}`, async (other, itsHandle) => {
    const outcome = await outcomeOf(() => attach(itsHandle() as never))
    if (other === name) expect(outcome).toBeUndefined()
    else expect(outcome).toBeInstanceOf(HandleError)
  })

  it('refuses a handle with an odd value anywhere in it', async () => {
    const below = seeded(1)
    const whole = handle()
    for (let round = 0; round < ROUNDS; round++) {
      for (const odd of oddValues) {
        const value = spoiled(whole, odd(), below)
        const outcome = await outcomeOf(() => attach(value as never))
        expect(outcome).toBeInstanceOf(HandleError)
      }
    }
  })
})

describe('a Balancer handle whose memory was damaged', () => {
  const copied = (memory: SharedArrayBuffer): SharedArrayBuffer => {
    const copy = new SharedArrayBuffer(memory.byteLength)
    new Uint8Array(copy).set(new Uint8Array(memory))
    return copy
  }

  it('is attached, or refused with FAIRLEAD_HANDLE, whatever word of the root it is', async () => {
    // They go about with it until they are stopped, here at once.
    const below = seeded(2)
    const outcomes = { attached: 0, refused: 0 }
    for (let round = 0; round < 4 * HEADER.WORDS; round++) {
      const own = ownBalancer()
      const { handle } = own
      const root = copied(handle.root)
      const word = below(HEADER.WORDS)
      new Int32Array(root)[word] = [0, -1, 0x7fffffff, below(2 ** 32)][below(4)]
      const outcome = await outcomeOf(() => Balancer.attach({ ...handle, root }))
      if (outcome !== undefined) expect(outcome, `word ${word}`).toBeInstanceOf(HandleError)
      outcomes[outcome === undefined ? 'attached' : 'refused']++
      await own.stop({ drainMs: 0 })
    }
    expect(outcomes.attached).toBeGreaterThan(0)
    expect(outcomes.refused).toBeGreaterThan(0)
  }, 60_000)

  it('is refused where any byte of the configuration has changed, and leaves no thread record behind', async () => {
    const own = ownBalancer()
    const { handle } = own
    const used = new Int32Array(handle.root)[HEADER.CONFIG_HEAD] & 0xfffffff
    const bytes = new Uint8Array(handle.pages[0])
    const below = seeded(3)
    for (let i = 0; i < 200; i++) {
      const [at, bit] = [below(used), 1 << below(8)]
      bytes[at] ^= bit
      expect(() => Balancer.attach(handle)).toThrow(expect.objectContaining({ code: 'FAIRLEAD_HANDLE' }))
      bytes[at] ^= bit
    }
    // There are 64 records.
    const attached = Balancer.attach(handle)
    attached.pick('users').end()
    await attached.stop()
  })
})

describe('the configuration of a running balancer', () => {
  it('goes on as it was where a damaged one was published, and the others publish it once more', async () => {
    const own = ownBalancer()
    const other = Balancer.attach(own.handle)
    const warnings: string[] = []
    const note = ({ message }: Error) => warnings.push(message)
    process.on('warning', note)
    try {
      const ids = other.service('users').endpoints.map(({ id }) => id)
      own.service('users').add('http://new.test')
      const root = new Int32Array(own.handle.root)
      const low = root[HEADER.CONFIG_HEAD]
      const page = new Uint8Array(own.handle.pages[(low >>> 28) & 0xf])
      page[(low & 0xfffffff) - 3] ^= 0xff
      expect(other.service('users').endpoints.map(({ id }) => id)).toEqual(ids)
      other.pick('users').end()
      await until(async () => other.service('users').endpoints.length === ids.length + 1)
      expect(warnings).toEqual([expect.stringMatching(/was damaged: .*goes on with the one that it has/)])
      await own.synced()
    } finally {
      process.off('warning', note)
      await other.stop({ drainMs: 0 })
    }
  })

  it('goes on as it was where its head was damaged, until the next change', async () => {
    const own = ownBalancer()
    const other = Balancer.attach(own.handle)
    const ids = own.service('users').endpoints.map(({ id }) => id)
    new Int32Array(own.handle.root)[HEADER.CONFIG_HEAD] = -1
    for (const balancer of [own, other]) {
      expect(balancer.service('users').endpoints.map(({ id }) => id)).toEqual(ids)
      balancer.pick('users').end()
    }
    expect(() => Balancer.attach(own.handle)).toThrow(expect.objectContaining({ code: 'FAIRLEAD_HANDLE' }))
    own.service('users').add('http://new.test')
    await own.synced()
    expect(other.service('users').endpoints).toHaveLength(ids.length + 1)
    const third = Balancer.attach(own.handle)
    expect(third.service('users').endpoints).toHaveLength(ids.length + 1)
    await third.stop({ drainMs: 0 })
    await other.stop({ drainMs: 0 })
  })
})
