/** As erlang-c.test.ts, at the load that figures are published of, with as many requests as that takes. */
import { expect, it } from 'vitest'
import { erlangC, offBy, simulatedMMn } from '../support/erlang-c.js'

const REQUESTS = 4_000_000
const TOLERANCE = 0.03
const LIMIT_MS = 600_000

it.each([2, 10, 100])(
  '%d endpoints at a load of 0.9',
  async (servers) => {
    const [measured, theory] = [await simulatedMMn(servers, 0.9, REQUESTS), erlangC(servers, 0.9)]
    for (const [figure, off] of Object.entries(offBy(measured, theory)))
      expect(off, `${figure}: ${JSON.stringify({ measured, theory })}`).toBeLessThanOrEqual(TOLERANCE)
  },
  LIMIT_MS,
)
