/** Admission control over threads: what one sees fail, all reject for. */
import { expect, test } from 'vitest'
import { attach, configOf, ownBalancer } from '../support/attached.js'

const FAILED = { ok: false, status: 500 }
/** A window that no machine is slow enough to leave. */
const CONTROL = {
  outlier: false,
  admissionControl: { maxRejectionProbability: 50, windowMs: 600_000 },
} as const

test('outcomes of all threads count for all', async () => {
  const balancer = ownBalancer(
    configOf({ outlier: false, admissionControl: { maxRejectionProbability: 0, windowMs: 600_000 } }),
  )
  const control = () => balancer.stats().services['users'].admissionControl
  balancer.pick('users').end()
  const [one, other] = await attach(balancer, 2)
  await Promise.all([one.do('turns', 2_000, { ok: true }), other.do('turns', 2_000, FAILED)])
  const told = await one.do<ReturnType<typeof balancer.stats>>('stats')
  expect(control()?.successRate).toBe(2_001 / 4_001)
  expect(told.services['users'].admissionControl?.successRate).toBe(2_001 / 4_001)
})

test('what one thread sees fail, another one rejects for; each counts its own', async () => {
  const balancer = ownBalancer(configOf(CONTROL))
  const [one] = await attach(balancer, 1)
  await one.do('turns', 1, { ok: true })
  const failed = one.do('turns', 10_000, FAILED).then(
    () => 'never rejected',
    (error: { code: string }) => error.code,
  )
  expect(await failed).toBe('FAIRLEAD_OVERLOADED')
  // This thread has seen nothing fail.
  let rejected = 0
  for (let i = 0; i < 2_000; i++) {
    try {
      balancer.pick('users')[Symbol.dispose]()
    } catch (error) {
      expect(error).toMatchObject({ code: 'FAIRLEAD_OVERLOADED' })
      rejected++
    }
  }
  expect(rejected).toBeGreaterThan(0)
  const told = await one.do<ReturnType<typeof balancer.stats>>('stats')
  expect(told.services['users'].admissionControl?.tiers[1].rejected).toBe(rejected + 1)
})
