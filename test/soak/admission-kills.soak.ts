/** A thousand threads terminated on each engine while they wait for places, are granted them and give them back. */
import { it } from 'vitest'
import { engine } from '../../lib/index.js'
import { killWaitingThreads } from '../support/admission-kills.js'

const KILLS = 1000
const TIMEOUT_MS = 1_800_000

it(`${engine.kind} engine: ${KILLS} threads that wait`, { timeout: TIMEOUT_MS }, async () => {
  const seed = Math.floor(Math.random() * 1e9)
  await killWaitingThreads(KILLS, seed, (done) => {
    if (done % 50 === 0) console.log(`${engine.kind}, waiting: ${done} of ${KILLS} (seed ${seed})`)
  })
})
