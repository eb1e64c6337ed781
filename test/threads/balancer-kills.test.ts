import { expect, it } from 'vitest'
import { killBalancerThreads } from '../support/balancer-kills.js'

const SEED = Math.floor(Math.random() * 1e9)

it.each([
  ['pick and end', false],
  ['pick, end and change the configuration', true],
])(
  'threads that are terminated while they %s leave nothing behind',
  async (_what, changes) => {
    await expect(killBalancerThreads({ kills: 40, threads: 2, changes, seed: SEED })).resolves.toBeUndefined()
  },
  60_000,
)
