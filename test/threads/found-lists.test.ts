/** Lists of endpoints that a source finds, in rapid change: no thread ever has a torn one, and none that ends leaves one. */
import { expect, it, onTestFinished } from 'vitest'
import type { Endpoint } from '../../lib/model/index.js'
import type { BalancerHandle } from '../../lib/shared/handle.js'
import { AttachedThread, slotsInUse, until } from '../support/attached.js'
import { sumOf } from '../support/found-lists.mjs'

const WORKER = new URL('./found-lists.worker.mjs', import.meta.url)
/** More than are looked at at once. */
const SIZE = 800
const THREADS = 4
const ROUNDS = 6
const ROUND_MS = 700

interface Seen {
  readonly looks: number
  readonly versions: number
  readonly torn: readonly string[]
  readonly last: number
}

class Scene {
  readonly words = new Int32Array(new SharedArrayBuffer(12))
  threads: AttachedThread[] = []
  #seed = 0

  async add(handle?: BalancerHandle): Promise<AttachedThread> {
    const data = { handle, size: SIZE, seed: ++this.#seed, words: this.words }
    const thread = new AttachedThread(data, WORKER)
    onTestFinished(() => thread.terminate())
    this.threads.push(thread)
    return thread.ready()
  }

  async leader(): Promise<AttachedThread> {
    let leader: AttachedThread | undefined
    await until(async () => {
      const leads = await Promise.all(this.threads.map((thread) => thread.do<boolean>('leads')))
      leader = this.threads[leads.indexOf(true)]
      return leader !== undefined
    })
    return leader as AttachedThread
  }
}

it('are whole in every thread, whichever thread ends in the middle of a change', async () => {
  const scene = new Scene()
  const owner = await scene.add()
  const handle = await owner.do<BalancerHandle>('handle')
  await owner.do('start')
  await until(async () => (await owner.do<Endpoint[]>('list')).length > SIZE / 2)
  while (scene.threads.length < THREADS) await scene.add(handle)
  for (const thread of scene.threads) await thread.do('begin')
  let looks = 0
  let versions = 0
  for (let round = 0; round < ROUNDS; round++) {
    const made = scene.words[1]
    await new Promise((resolve) => setTimeout(resolve, ROUND_MS))
    // The last round: an attached thread instead of the one that makes the changes.
    const leader = await scene.leader()
    const victim = round % 3 === 2 ? scene.threads.find((thread) => thread !== leader) : leader
    for (const thread of scene.threads) {
      const seen = await thread.do<Seen>('seen')
      expect(seen.torn).toEqual([])
      looks += seen.looks
      versions += seen.versions
    }
    await victim?.terminate()
    scene.threads = scene.threads.filter((thread) => thread !== victim)
    const latest = await scene.add(handle)
    await latest.do('begin')
    await until(() => Atomics.load(scene.words, 1) > made + 3)
  }
  expect(looks).toBeGreaterThan(100)
  expect(versions).toBeGreaterThan(20)
  // What is left agrees once nobody changes anything.
  await (await scene.leader()).do('stopChanges')
  let lists: Endpoint[][] = []
  await until(async () => {
    lists = await Promise.all(scene.threads.map((thread) => thread.do<Endpoint[]>('list')))
    return lists.every((list) => JSON.stringify(list) === JSON.stringify(lists[0]))
  })
  const [first, ...rest] = lists[0]
  expect(first.metadata.sum).toBe(sumOf(rest as never))
  // Nothing is left of endpoints that went, but for the slot that has their totals.
  await until(() => slotsInUse(handle) === lists[0].length + 1)
})
