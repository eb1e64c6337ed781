/** Policies of users' own in threads that share a balancer: each thread goes by its own definition. */
import { expect, it } from 'vitest'
import { definePolicy } from '../../lib/index.js'
import { attach, configOf, ownBalancer, URLS } from '../support/attached.js'

it('is an error in a thread that has not defined it, and works in that thread from then on', async () => {
  const policy = definePolicy('fixed', { picker: (view) => () => view.endpoints[0] })
  const balancer = ownBalancer(configOf({ policy }))
  const [thread, other] = await attach(balancer, 2)
  await expect(thread.do('hold')).rejects.toMatchObject({
    code: 'FAIRLEAD_POLICY',
    message: 'Policy "fixed" is not defined in this thread; call definePolicy in each worker thread',
  })
  await thread.do('define', 'fixed', 1)
  expect(await thread.do('hold', 2)).toEqual([URLS[1], URLS[1]])
  await other.do('define', 'fixed', 2)
  expect(await other.do('hold')).toEqual([URLS[2]])
  expect(balancer.pick('users').endpoint.id).toBe(URLS[0])
  expect(balancer.stats().services.users.inFlight).toBe(4)
})
