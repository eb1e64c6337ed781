/** Waiting for something to read: blocked, in the event loop, over threads; on each engine. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { QUEUE_HEADER, QUEUE_SIZES, WAITER, waiterWord } from '../../lib/queue/layout.js'
import type { TicketQueue } from '../../lib/queue/ticket-queue.js'
import { queueClasses } from './queue-engines.js'

const range = (from: number, count: number): Uint32Array =>
  Uint32Array.from({ length: count }, (_, i) => from + i)
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** What only the memory tells: who sleeps, who owns a waiter, and how often one found something uncalled. */
function waiters({ handle }: TicketQueue) {
  const words = new Int32Array(handle.memory)
  let owned = 0
  let rescues = 0
  for (let waiter = 0; waiter < QUEUE_SIZES.WAITERS; waiter++) {
    if (Atomics.load(words, waiterWord(waiter) + WAITER.OWNER) !== 0) owned++
    rescues += Atomics.load(words, waiterWord(waiter) + WAITER.RESCUES)
  }
  const bits = [0, 1].map((i) => Atomics.load(words, QUEUE_HEADER.SLEEPERS + i))
  return { asleep: ones(bits[0]) + ones(bits[1]), owned, rescues }
}

function ones(word: number): number {
  let count = 0
  for (let rest = word; rest !== 0; rest &= rest - 1) count++
  return count
}

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 2) {
    if (waited > 20_000) throw new Error('twenty seconds have passed in vain')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

describe.each(queueClasses)('waiting on a TicketQueue, $kind engine', ({ kind, Queue }) => {
  async function start(role: string, data: Record<string, unknown>) {
    const worker = new Worker(new URL('./ticket-queue-waiting.worker.mjs', import.meta.url), {
      workerData: { role, ...data },
      env: { ...process.env, FAIRLEAD_ENGINE: kind },
    })
    onTestFinished(async () => void (await worker.terminate()))
    const [first] = await once(worker, 'message')
    return { worker, first, done: once(worker, 'message').then(([message]) => message as { popped: number }) }
  }

  it('return() of an iteration ends every next() that is outstanding, and takes nothing', async () => {
    const queue = new Queue({ capacity: 100 })
    const batches = queue[Symbol.asyncIterator]()
    queue.push(1)
    expect(await batches.next()).toEqual({ done: false, value: Uint32Array.of(1) })
    const nexts = [batches.next(), batches.next(), batches.next()]
    queue.push(2)
    queue.flush()
    expect(await nexts[0]).toEqual({ done: false, value: Uint32Array.of(2) })
    expect(await batches.return?.()).toEqual({ done: true, value: undefined })
    expect(await Promise.all(nexts.slice(1))).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ])
    queue.push(3)
    await turn()
    expect(queue.popMany(new Uint32Array(5))).toBe(1)
  })

  it('read() that cannot wait says so, and takes nothing later that nobody would get', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    const queue = new Queue({ capacity: 100 })
    const words = new Int32Array(queue.handle.memory)
    for (let waiter = 0; waiter < QUEUE_SIZES.WAITERS; waiter++) words[waiterWord(waiter) + WAITER.OWNER] = 1
    expect(() => queue.read()).toThrow(expect.objectContaining({ code: 'FAIRLEAD_OVERLOADED' }))
    expect(vi.getTimerCount()).toBe(0)
    queue.pushMany(range(0, 5))
    vi.advanceTimersByTime(5000)
    expect(queue.popMany(new Uint32Array(5))).toBe(5)
  })

  it('read() resolves at once where there is something, else as soon as there is, in the order of the calls', async () => {
    const queue = new Queue({ capacity: 100 })
    queue.pushMany(range(0, 5))
    expect(await queue.read(3)).toEqual(range(0, 3))
    expect(await queue.read()).toEqual(range(3, 2))
    const [first, second] = [queue.read(2), queue.read(2)]
    await turn()
    expect(waiters(queue)).toMatchObject({ asleep: 1, owned: 1 })
    queue.pushMany(range(10, 3))
    expect(await first).toEqual(range(10, 2))
    expect(await second).toEqual(range(12, 1))
    expect(waiters(queue)).toEqual({ asleep: 0, owned: 1, rescues: 0 })
  })

  it.each([0, -1, 1.5, '3', Number.NaN, null])('read(%s) is refused', (most) => {
    const queue = new Queue({ capacity: 10 })
    expect(() => queue.read(most as never)).toThrow(expect.objectContaining({ code: 'FAIRLEAD_ARGUMENT' }))
  })

  it('popWait() refuses to stop the main thread, and says what does it instead', () => {
    const queue = new Queue({ capacity: 10 })
    queue.push(1)
    expect(() => queue.popWait(new Uint32Array(1), 10)).toThrow(
      expect.objectContaining({
        code: 'FAIRLEAD_ARGUMENT',
        message: expect.stringMatching(/read\(\) or `for await`/),
      }),
    )
    expect(queue.stats().allocated).toBe(1)
  })

  it('popWait() comes back empty when the time is up, and refuses what is no time', async () => {
    const queue = new Queue({ capacity: 10 })
    const { first } = await start('time-out', { handle: queue.handle })
    expect(first).toEqual({ none: 0, some: 0, empty: 0, faults: Array(4).fill('FAIRLEAD_ARGUMENT') })
    expect(waiters(queue)).toMatchObject({ asleep: 0, rescues: 0 })
  })

  it('close() lets what is queued be read, then ends every read and every loop', async () => {
    const queue = new Queue({ capacity: 10 })
    const results = new SharedArrayBuffer(4 * 10)
    const threads = [
      await start('blocked', { handle: queue.handle, results }),
      await start('loop', { handle: queue.handle, results }),
    ]
    await until(() => waiters(queue).asleep === 2)
    const reading = queue.read()
    queue.pushMany(range(0, 3))
    queue.close()
    const own = (await reading).length
    expect((await queue.read()).length).toBe(0)
    for await (const batch of queue) throw new Error(`a batch of ${batch.length} after the end`)
    const others = await Promise.all(threads.map(({ done }) => done))
    expect(own + others.reduce((sum, { popped }) => sum + popped, 0)).toBe(3)
    expect(queue.ended).toBe(true)
    expect(waiters(queue)).toMatchObject({ asleep: 0, rescues: 0 })
  })

  it('hands out every item of every burst once, whoever waits how', { timeout: 60_000 }, async () => {
    const queue = new Queue({ capacity: 1000 })
    const bursts = 400
    const total = bursts * 150
    const results = new SharedArrayBuffer(4 * total)
    const threads = []
    for (const role of ['blocked', 'loop', 'blocked', 'loop'])
      threads.push(await start(role, { handle: queue.handle, results }))
    for (let burst = 0, next = 0; burst < bursts; burst++) {
      for (const end = next + 150; next < end; ) {
        const taken = queue.pushMany(range(next, end - next))
        next += taken
        if (taken === 0) await turn()
      }
      // Some bursts find everybody asleep, some find nobody.
      if (burst % 8 === 0) await until(() => waiters(queue).asleep === 4)
      else if (burst % 3 === 0) await turn()
    }
    queue.close()
    const reports = await Promise.all(threads.map(({ done }) => done))
    expect(reports.reduce((sum, { popped }) => sum + popped, 0)).toBe(total)
    expect(new Int32Array(results).every((count) => count === 1)).toBe(true)
    expect(waiters(queue)).toMatchObject({ asleep: 0, rescues: 0 })
  })

  it('wakes one thread for a burst, not one for each item or each thread', async () => {
    const queue = new Queue({ capacity: 1000 })
    const results = new SharedArrayBuffer(4 * 1000)
    for (const role of ['blocked', 'loop', 'blocked']) await start(role, { handle: queue.handle, results })
    for (let burst = 1; burst <= 20; burst++) {
      await until(() => waiters(queue).asleep === 3)
      const before = queue.stats().wakeUps
      // Within a block: a burst over two blocks is published twice, and may wake two.
      for (let i = 0; i < 8; i++) queue.push(i)
      await until(() => queue.stats().allocated === 0 && waiters(queue).asleep === 3)
      expect(queue.stats().wakeUps - before).toBe(1)
    }
  })

  it('wakes the next where one leaves something behind', async () => {
    const queue = new Queue({ capacity: 1000 })
    const takers = [1, 2, 3].map(() => start('take-few', { handle: queue.handle }))
    const threads = await Promise.all(takers)
    await until(() => waiters(queue).asleep === 3)
    // One publication, of which each thread takes eight and is not heard of again.
    queue.pushMany(range(0, 20))
    const popped = await Promise.all(threads.map(async ({ done }) => (await done).popped))
    expect(popped.sort()).toEqual([4, 8, 8])
    expect(waiters(queue)).toMatchObject({ asleep: 0, rescues: 0 })
  })

  it.each(['echo-blocked', 'echo-loop'])(
    'loses no call in many rounds of sleep and wake (%s)',
    {
      timeout: 60_000,
    },
    async (role) => {
      const [there, back] = [new Queue({ capacity: 10 }), new Queue({ capacity: 10 })]
      await start(role, { handle: there.handle, back: back.handle })
      for (let round = 0; round < 5000; round++) {
        there.push(round)
        expect(await back.read()).toEqual(range(round, 1))
      }
      there.close()
      expect([waiters(there).rescues, waiters(back).rescues]).toEqual([0, 0])
    },
  )

  it('a loop that is left leaves nobody asleep', async () => {
    const queue = new Queue({ capacity: 10 })
    queue.push(1)
    for await (const batch of queue) {
      expect([...batch]).toEqual([1])
      break
    }
    const iterator = queue[Symbol.asyncIterator]()
    const pending = iterator.next()
    await until(() => waiters(queue).asleep === 1)
    await iterator.return?.()
    expect(await pending).toEqual({ done: true, value: undefined })
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
    expect(waiters(queue).asleep).toBe(0)
    queue.push(2)
    expect(await queue.read()).toEqual(range(2, 1))
  })

  it('a thread that ends in its sleep takes no call along, and leaves nothing', {
    // Forty threads begin one after another, which takes a busy machine long.
    timeout: 180_000,
  }, async () => {
    const queue = new Queue({ capacity: 100 })
    const results = new SharedArrayBuffer(4 * 100)
    for (let round = 0; round < 10; round++) {
      const threads = []
      for (const role of ['blocked', 'loop', 'push-and-stay'])
        threads.push(await start(role, { handle: queue.handle, results }))
      await until(() => queue.stats().allocated === 0 && waiters(queue).asleep === 2)
      // The one that is to go on sleeping is the last to be called: the others' bits come first.
      const survivor = await start('blocked', { handle: queue.handle, results })
      await until(() => waiters(queue).asleep === 3)
      await Promise.all(threads.map(({ worker }) => worker.terminate()))
      await until(() => waiters(queue).owned === 1)
      expect(waiters(queue)).toMatchObject({ asleep: 1, rescues: 0 })
      expect(queue.stats().producers).toBe(round === 0 ? 0 : 1)
      queue.push(7)
      await until(() => queue.stats().allocated === 0)
      expect(waiters(queue).rescues).toBe(0)
      await survivor.worker.terminate()
      await until(() => waiters(queue).owned === 0)
    }
    // All of the capacity is there for this thread.
    expect(queue.pushMany(range(0, 200))).toBe(100)
  })

  it.each([
    ['stays while somebody waits', 'queue.read().then((batch) => console.log(batch.join()))', '5'],
    ['ends while nobody waits', '', ''],
  ])('the process %s', async (_what, waiting, said) => {
    const source = `
      const { TicketQueue } = require(${JSON.stringify(new URL('../../dist/index.js', import.meta.url).pathname)})
      const queue = new TicketQueue({ capacity: 10 })
      ${waiting}
      setTimeout(() => queue.push(5), 300).unref()`
    const child = spawn(process.execPath, ['-e', source], {
      env: { ...process.env, FAIRLEAD_ENGINE: kind },
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 20_000,
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    const [code] = await once(child, 'close')
    expect([code, text.trim()]).toEqual([0, said])
  })
})
