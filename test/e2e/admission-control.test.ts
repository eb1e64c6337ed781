/** Admission control over real servers: who is rejected while a service fails half of what it gets, and afterwards. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { rejectionProbability, tierProbability } from '../../lib/admission/admission-control.js'
import type { BalancerStats } from '../../lib/index.js'
import { balancerOver, startEndpoints, type TestEndpoint } from '../support/http-servers.js'

const WINDOW_MS = 2_000
const ENVOY = { threshold: 0.95, most: 0.8, aggression: 1 }
const TIERS = [0, 1, 2, 3]
/** Requests of each tier, out of ten. */
const SHARES = [1, 4, 3, 2]

type Tally = { asked: number; rejected: number }[]

async function scene() {
  const endpoints = await startEndpoints(2)
  const balancer = balancerOver(endpoints, {
    // Else two endpoints that fail half are ejected at times, and answers of 503 are tried again.
    outlier: false,
    retry: { attempts: 1 },
    admissionControl: { windowMs: WINDOW_MS },
  })
  const tally = (): Tally => TIERS.map(() => ({ asked: 0, rejected: 0 }))
  /** Sends ten requests at once, again and again, until `until` says so. */
  const send = async (into: Tally, until: () => boolean) => {
    while (!until()) {
      await Promise.all(
        TIERS.flatMap((priority) =>
          Array.from({ length: SHARES[priority] }, async () => {
            into[priority].asked++
            try {
              await (await balancer.fetch('http://users/', { balance: { priority } })).text()
            } catch (error) {
              expect(error).toMatchObject({ code: 'FAIRLEAD_OVERLOADED', retryAfterMs: WINDOW_MS / 10 })
              into[priority].rejected++
            }
          }),
        ),
      )
    }
  }
  const control = () =>
    balancer.stats().services['users'].admissionControl as NonNullable<
      BalancerStats['services'][string]['admissionControl']
    >
  return { endpoints, balancer, tally, send, control }
}

/** Answers well and badly by turns. */
function failEverySecond(endpoints: readonly TestEndpoint[]): void {
  let answers = 0
  for (const one of endpoints)
    one.handle = (_, response) => {
      response.writeHead(answers++ % 2 === 0 ? 500 : 200).end()
    }
}

const total = (tallies: Tally, key: 'asked' | 'rejected') => tallies.reduce((sum, one) => sum + one[key], 0)

test('rejects nothing while all is well', async () => {
  const { send, tally, control } = await scene()
  const all = tally()
  await send(all, () => total(all, 'asked') >= 1_000)
  expect(total(all, 'rejected')).toBe(0)
  expect(control()).toMatchObject({ successRate: 1, rejectionProbability: 0 })
})

test('of a service that fails half, rejects by tier what the formula says; and nothing once the window has passed', async () => {
  const { endpoints, send, tally, control } = await scene()
  failEverySecond(endpoints)
  const first = tally()
  // Until the shares have settled.
  await send(first, () => total(first, 'asked') >= 500)
  const all = tally()
  await send(all, () => total(all, 'asked') >= 4_000)
  const share = rejectionProbability({ ended: 1e9, succeeded: 5e8 }, ENVOY)
  const { successRate } = control()
  // Rejections have no part in it: of what goes through one in two succeeds, but for those in flight.
  expect(successRate).toBeGreaterThan(0.45)
  expect(successRate).toBeLessThan(0.55)
  for (const tier of TIERS) {
    const { asked, rejected } = all[tier]
    const expected = tierProbability(tier, share, ENVOY.most, SHARES)
    // What the window has of one in two, and of each tier, varies as well; a tier takes all of that on itself.
    const noise = 6 * Math.sqrt(0.25 / asked) + 0.1
    expect(Math.abs(rejected / asked - expected)).toBeLessThan(noise)
  }
  expect(all[0].rejected).toBe(0)
  expect(all[3].rejected / all[3].asked).toBeGreaterThan(0.7)
  for (const one of endpoints) one.handle = (_, response) => void response.end()
  await sleep(WINDOW_MS)
  const after = tally()
  await send(after, () => total(after, 'asked') >= 500)
  expect(total(after, 'rejected')).toBe(0)
  expect(control()).toMatchObject({ successRate: 1, rejectionProbability: 0 })
})

test('comes back under load: what goes through finds out that the service is well', async () => {
  const { endpoints, send, tally, control } = await scene()
  for (const one of endpoints) one.handle = (_, response) => void response.writeHead(500).end()
  const down = tally()
  await send(down, () => total(down, 'asked') >= 500)
  expect(control().rejectionProbability).toBe(0.8)
  for (const one of endpoints) one.handle = (_, response) => void response.end()
  const begun = performance.now()
  const up = tally()
  await send(up, () => control().rejectionProbability === 0)
  // All of the failures have left the window after it, whatever else.
  expect(total(up, 'asked')).toBeGreaterThan(0)
  expect(performance.now() - begun).toBeLessThan(10 * WINDOW_MS)
  const well = tally()
  await send(well, () => total(well, 'asked') >= 200)
  expect(total(well, 'rejected')).toBe(0)
})
