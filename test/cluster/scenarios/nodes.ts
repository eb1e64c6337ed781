/** What happens to nodes. etcd is well. */
import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs } from '../../fault-table/clock.js'
import type { Scenario } from '../scenario.js'
import type { Stage } from '../stage.js'

/** A request that stays with it all the while has hung. */
const STOPPED_MS = 30_000
const CUT_MS = 15_000
/** Longer than the valve holds back an answer that has any endpoint. */
const HELD_MS = 33_000
/** A lease ends after its time to live, and etcd looks at it every half a second. */
const LEFT_MS = 40_000
const BACK_MS = 40_000

/** Measures from `at` until the caller has ejected it, where it has. */
async function measureEjection(stage: Stage, url: string, at: number): Promise<void> {
  const changes = await stage.caller.changesSince(at)
  const ejected = changes.find((change) => change.type === 'ejected' && change.url.startsWith(url))
  if (ejected !== undefined) stage.measure('ejected', ejected.at - at)
}

export const NODES: readonly Scenario[] = [
  {
    name: 'node killed',
    what: 'kill -9 of a node; its lease ends, and it starts again',
    short: true,
    leastKnown: 2,
    async play(stage) {
      const [node] = stage.nodes
      const at = monotonicMs()
      await node.kill()
      const goneAt = await stage.noticed('removed', node.url, at, LEFT_MS)
      await measureEjection(stage, node.url, at)
      stage.measure('gone from the list', goneAt - at)
      const restartedAt = monotonicMs()
      await node.start()
      const backAt = await stage.noticed('added', node.url, restartedAt, BACK_MS)
      stage.measure('back after the restart', backAt - restartedAt)
    },
  },
  {
    name: 'node stopped',
    what: `kill -STOP of a node for ${STOPPED_MS / 1_000} s: its connections stay, and are silent`,
    leastKnown: 2,
    async play(stage) {
      const [node] = stage.nodes
      const at = monotonicMs()
      node.signal('SIGSTOP')
      try {
        const goneAt = await stage.noticed('removed', node.url, at, LEFT_MS)
        await measureEjection(stage, node.url, at)
        stage.measure('gone from the list', goneAt - at)
        await sleep(Math.max(0, at + STOPPED_MS - monotonicMs()))
      } finally {
        node.signal('SIGCONT')
      }
      const resumedAt = monotonicMs()
      stage.measure('registered again', (await stage.noticed('added', node.url, at, BACK_MS)) - resumedAt)
    },
  },
  {
    name: 'node cut off from etcd',
    what: 'a node reaches callers and not etcd: its lease ends, and it comes back after the heal',
    leastKnown: 2,
    async play(stage) {
      const [node] = stage.nodes
      const at = monotonicMs()
      await node.host.cut('control', 'both')
      stage.measure('gone from the list', (await stage.noticed('removed', node.url, at, LEFT_MS)) - at)
      const healedAt = monotonicMs()
      await node.host.heal('control')
      const backAt = await stage.noticed('added', node.url, healedAt, BACK_MS)
      stage.measure('back after the heal', backAt - healedAt)
    },
  },
  {
    name: 'all nodes cut off from etcd',
    what: 'every node reaches callers and not etcd: all leases end, and the last known endpoint stays',
    // Leases end one after the other, and each loss by itself is no more than half: the valve holds the last one back.
    leastKnown: 1,
    async play(stage) {
      const before = (await stage.caller.view()).urls
      for (const { host } of stage.nodes) await host.cut('control', 'both')
      await stage.waitFor(
        'every lease has ended',
        async () => (await stage.registered()).length === 0,
        LEFT_MS,
      )
      await sleep(HELD_MS)
      const { heldMs, urls } = await stage.caller.view()
      stage.expect(urls.length > 0, 'with no key in etcd the caller knows nothing')
      stage.expect(heldMs !== undefined, 'the source does not say that it holds an answer back')
      const healedAt = monotonicMs()
      for (const { host } of stage.nodes) await host.heal('control')
      const isBack = async () => (await stage.registered()).length === stage.nodes.length
      await stage.waitFor('every node is registered again', isBack, BACK_MS)
      stage.measure('registered again after the heal', monotonicMs() - healedAt)
      await stage.waitFor(
        'nothing is held back',
        async () => (await stage.caller.view()).heldMs === undefined,
      )
      await stage.expectKnown(before, 'after the heal')
    },
  },
  {
    name: 'node cut off from callers',
    what: `a node reaches etcd and not callers, for ${CUT_MS / 1_000} s: it stays in the list, and is ejected`,
    async play(stage) {
      const [node] = stage.nodes
      const at = monotonicMs()
      await node.host.cut('data', 'both')
      await sleep(CUT_MS)
      await measureEjection(stage, node.url, at)
      const healedAt = monotonicMs()
      await node.host.heal('data')
      const backAt = await stage.noticed('returned', node.url, healedAt, BACK_MS)
      stage.measure('used again after the heal', backAt - healedAt)
    },
  },
  {
    name: 'rolling restart',
    what: 'each node is told to end (SIGTERM), drains, ends, and starts again, one after the other',
    short: true,
    leastKnown: 2,
    async play(stage) {
      const begun = monotonicMs()
      for (const node of stage.nodes) {
        const at = monotonicMs()
        const code = await node.drain()
        stage.expect(code === 0, `node ${node.name} ended with ${code} after SIGTERM`)
        await stage.noticed('removed', node.url, at)
        const startedAt = monotonicMs()
        await node.start()
        await stage.noticed('added', node.url, startedAt)
      }
      stage.measure('all nodes', monotonicMs() - begun)
    },
  },
]
