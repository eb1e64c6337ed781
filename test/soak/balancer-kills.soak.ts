/** A thousand threads terminated on each engine while they pick, end and change the configuration of a shared balancer. */
import { it } from 'vitest'
import { engine } from '../../lib/index.js'
import { killBalancerThreads } from '../support/balancer-kills.js'

const KILLS = 1000

it.each([
  ['pick and end', false],
  ['pick, end and change the configuration', true],
])(`${engine.kind} engine: ${KILLS / 2} threads that %s`, async (what, changes) => {
  const seed = Math.floor(Math.random() * 1e9)
  const progress = (done: number) => {
    if (done % 50 === 0) console.log(`${engine.kind}, ${what}: ${done} of ${KILLS / 2} (seed ${seed})`)
  }
  await killBalancerThreads({ kills: KILLS / 2, threads: 3, changes, seed, progress })
})
