/** What happens to members of etcd. Nodes and callers live on. */
import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs } from '../../fault-table/clock.js'
import type { Member } from '../etcd-member.js'
import type { Scenario } from '../scenario.js'
import type { Stage } from '../stage.js'

const STOPPED_MS = 10_000
const QUORUM_LOST_MS = 20_000
const QUORUM_LOST_SHORT_MS = 5_000
/** Longer than a node's lease. */
const CUT_OFF_MS = 15_000

const known = async ({ caller }: Stage): Promise<readonly string[]> => (await caller.view()).urls

/** The member that the caller asks leads: its end is felt most. */
async function askedLeader(stage: Stage): Promise<Member> {
  const member = await stage.askedMember()
  await stage.etcd.lead(member)
  return member
}

/** Every node is registered still, by itself: whoever lost its lease has another one. */
async function expectRegistered(stage: Stage): Promise<void> {
  const isSo = async () => {
    const names = (await stage.registered()).filter((key) => !key.includes('/spare-'))
    return names.length === stage.nodes.length
  }
  await stage.waitFor('every node is registered again', isSo)
}

export const MEMBERS: readonly Scenario[] = [
  {
    name: 'follower killed',
    what: 'kill -9 of the member that the caller asks, which follows; it starts again',
    async play(stage) {
      const follower = await stage.askedMember()
      await stage.etcd.follow(follower)
      const at = monotonicMs()
      await follower.kill()
      stage.measure('a change is noticed', await stage.change(at))
      follower.start()
      stage.measure('and one after its restart', await stage.change())
      await expectRegistered(stage)
    },
  },
  {
    name: 'leader killed',
    what: 'kill -9 of the member that leads, and that the caller asks; it starts again',
    short: true,
    async play(stage) {
      const leader = await askedLeader(stage)
      const at = monotonicMs()
      await leader.kill()
      stage.measure('a change is noticed, with the election', await stage.change(at))
      leader.start()
      stage.measure('and one after its restart', await stage.change())
      await expectRegistered(stage)
    },
  },
  {
    name: 'all members killed',
    what: 'kill -9 of all three members; they start again after 5 s',
    async play(stage) {
      const before = await known(stage)
      await Promise.all(stage.etcd.members.map((member) => member.kill()))
      await sleep(5_000)
      await stage.expectKnown(before, 'without etcd')
      const at = monotonicMs()
      for (const member of stage.etcd.members) member.start()
      stage.measure('from the restart until a change is noticed', await stage.change(at))
      await expectRegistered(stage)
    },
  },
  {
    name: 'leader stopped',
    what: `kill -STOP of the member that leads, and that the caller asks, for ${STOPPED_MS / 1_000} s: its connections stay, and are silent`,
    async play(stage) {
      const leader = await askedLeader(stage)
      const at = monotonicMs()
      leader.pause()
      try {
        stage.measure('a change is noticed', await stage.change(at))
        await sleep(at + STOPPED_MS - monotonicMs())
      } finally {
        leader.resume()
      }
      stage.measure('and one after it goes on', await stage.change())
      await expectRegistered(stage)
    },
  },
  {
    name: 'leader cut off',
    what: `the member that leads, and that the caller asks, is cut off from everybody for ${CUT_OFF_MS / 1_000} s`,
    needs: 'namespaces',
    async play(stage) {
      const leader = await askedLeader(stage)
      const at = monotonicMs()
      await leader.host.cut('control', 'both')
      stage.measure('a change is noticed', await stage.change(at))
      await sleep(at + CUT_OFF_MS - monotonicMs())
      await leader.host.heal('control')
      stage.measure('and one after the heal', await stage.change())
      await expectRegistered(stage)
    },
  },
  {
    name: 'quorum lost',
    what: `two members are killed for ${QUORUM_LOST_MS / 1_000} s; nodes and callers live on`,
    short: true,
    async play(stage) {
      const before = await known(stage)
      const asked = await stage.askedMember()
      // The one that the caller asks is left: it answers, and knows nothing new.
      const lost = stage.etcd.members.filter((member) => member !== asked)
      await Promise.all(lost.map((member) => member.kill()))
      await sleep(stage.isShort ? QUORUM_LOST_SHORT_MS : QUORUM_LOST_MS)
      await stage.expectKnown(before, 'without a quorum')
      const at = monotonicMs()
      for (const member of lost) member.start()
      stage.measure('from the restart until a change is noticed', await stage.change(at))
      await expectRegistered(stage)
    },
  },
]
