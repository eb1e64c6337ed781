/** A caller that does not reach etcd, or is not reached. */
import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs } from '../../fault-table/clock.js'
import type { Cut } from '../network.js'
import type { Scenario } from '../scenario.js'
import type { Stage } from '../stage.js'

/** All three members are asked, each for 5 s, before a cut is known as one. */
const SAID_MS = 45_000
/** At least. */
const CUT_MS = 15_000
/** A change while a cut is on must be noticed this much after the heal at the latest. */
const HEALED_MS = 20_000

/** Cuts the caller off, changes something meanwhile, heals; `during` comes before the heal. */
async function cutOff(stage: Stage, cut: Cut, during: (stage: Stage) => Promise<void>): Promise<void> {
  const before = (await stage.caller.view()).urls
  const { host } = stage.caller
  const at = monotonicMs()
  await host.cut('control', cut)
  const { type, url } = await stage.writeChange()
  await during(stage)
  if (cut !== 'sent') {
    const saysSo = async () => (await stage.caller.view()).error !== undefined
    await stage.waitFor('the source says that it has no answer', saysSo, SAID_MS)
    stage.measure('the source says so', monotonicMs() - at)
  }
  await sleep(Math.max(0, at + CUT_MS - monotonicMs()))
  // What the caller sends may be lost and what it is sent not: it may notice, and it need not.
  if (cut !== 'sent') await stage.expectKnown(before, `cut off (${cut})`)
  const healedAt = monotonicMs()
  await host.heal('control')
  const noticedAt = await stage.noticed(type, url, at, HEALED_MS)
  if (noticedAt < healedAt) stage.measure('the change is noticed during the cut, after', noticedAt - at)
  else stage.measure('from the heal until the change is noticed', noticedAt - healedAt)
  stage.measure('and the next one', await stage.change())
}

const nothing = async (): Promise<void> => {}

export const CUTS: readonly Scenario[] = [
  {
    name: 'caller cut off',
    what: `a caller is cut off from etcd for ${CUT_MS / 1_000} s`,
    play: (stage) => cutOff(stage, 'both', nothing),
  },
  {
    name: 'caller not heard',
    what: `for ${CUT_MS / 1_000} s etcd gets nothing of what a caller sends (one-way cut)`,
    play: (stage) => cutOff(stage, 'sent', nothing),
  },
  {
    name: 'caller deaf',
    what: `for ${CUT_MS / 1_000} s a caller gets nothing of what etcd sends (one-way cut)`,
    play: (stage) => cutOff(stage, 'received', nothing),
  },
  {
    name: 'compaction while cut off',
    what: 'while a caller is cut off, etcd forgets the changes that it has missed',
    play: (stage) =>
      cutOff(stage, 'both', async ({ etcd }) => {
        for (let i = 0; i < 20; i++) await etcd.put('harness/other', String(i))
        await etcd.compact()
      }),
  },
]
