/** Links, disks and clocks that are not as they should be. */
import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs } from '../../fault-table/clock.js'
import type { Scenario } from '../scenario.js'
import type { Stage } from '../stage.js'

const ROUGH_LINK = { latencyMs: 150, bytesPerSecond: 64_000, loss: 0.05 }
const ROUGH_MS = 15_000
const QUOTA_BYTES = 8 << 20
/** Below the longest argument of a command. */
const FILLING = 'x'.repeat(100_000)
const MAX_FILLINGS = 200
const FULL_MS = 15_000
const JUMP_S = 3_600
/** Longer than a lease lives. */
const JUMPED_MS = 12_000

/** Writes until there is no space. */
async function fill({ etcd }: Stage): Promise<void> {
  for (let i = 0; i < MAX_FILLINGS; i++) {
    try {
      await etcd.control(['put', 'harness/filling', FILLING])
    } catch (error) {
      if (/database space exceeded/.test((error as Error).message)) return
      throw new Error((error as Error).message.slice(-500))
    }
  }
  throw new Error(`${MAX_FILLINGS} writes of ${FILLING.length} bytes did not fill etcd`)
}

/** As an operator would. */
async function makeSpace({ etcd }: Stage): Promise<void> {
  await etcd.compact()
  await etcd.control(['defrag'])
  await etcd.control(['alarm', 'disarm'])
}

export const ROUGH: readonly Scenario[] = [
  {
    name: 'slow and lossy link to etcd',
    what: '150 ms each way, 64 kB/s, one packet in twenty lost, between etcd and everybody',
    callerLink: ROUGH_LINK,
    nodeLink: ROUGH_LINK,
    async play(stage) {
      const begun = monotonicMs()
      let slowestMs = 0
      while (monotonicMs() < begun + ROUGH_MS) slowestMs = Math.max(slowestMs, await stage.change())
      stage.measure('slowest change', slowestMs)
      stage.expect((await stage.registered()).length >= stage.nodes.length, 'a node has lost its lease')
    },
  },
  {
    name: 'full disk',
    what: "the members' data reaches their quota: NOSPACE, no writes",
    quotaBytes: QUOTA_BYTES,
    async play(stage) {
      const before = (await stage.caller.view()).urls
      await fill(stage)
      const node = await stage.addNode('d')
      const at = monotonicMs()
      await sleep(FULL_MS)
      await stage.expectKnown(before, 'while etcd takes no writes')
      const { changes } = await node.report()
      stage.expect(!changes.some(({ type }) => type === 'registered'), 'a node was registered without space')
      stage.expect(
        changes.some(({ type }) => type === 'failed'),
        'the registration of a node failed, and it did not say so',
      )
      await makeSpace(stage)
      const spaceAt = monotonicMs()
      const noticedAt = await stage.noticed('added', node.url, at)
      stage.measure('a new node is noticed, from when there is space again', noticedAt - spaceAt)
    },
  },
  {
    name: 'clock jump',
    what: "the wall clocks of a caller and of a node jump an hour ahead, and then an hour behind the machine's",
    needs: 'faketime',
    async play(stage) {
      for (const [offset, words] of [
        [JUMP_S, 'an hour ahead'],
        [-JUMP_S, 'an hour behind'],
      ] as const) {
        stage.clock!.set(offset)
        const at = monotonicMs()
        await stage.waitFor(`the node's clock is ${words}`, async () => {
          const { wallMs } = await stage.nodes[0].report()
          return Math.abs(wallMs - Date.now() - offset * 1_000) < 10_000
        })
        stage.measure(`a change is noticed, ${words}`, await stage.change())
        await sleep(Math.max(0, at + JUMPED_MS - monotonicMs()))
        stage.expect(
          (await stage.registered()).length >= stage.nodes.length,
          `${words} a node has lost its lease`,
        )
      }
    },
  },
]
