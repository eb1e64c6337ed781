/**
 * The pick of undici's `BalancedPool`, a real one. It has no public name: the method is found by the description of its
 * symbol on the prototype. There is nothing to end, and it records nothing.
 */
import { BalancedPool } from 'undici'
import { origins } from './origins.js'
import { timedLoop } from './timed-loop.js'

export function prepare({ endpoints }: { endpoints: number }) {
  const symbol = Object.getOwnPropertySymbols(BalancedPool.prototype).find(
    ({ description }) => description === 'get dispatcher',
  )
  if (symbol === undefined) throw new Error('this undici has no "get dispatcher" on BalancedPool')
  const pool = new BalancedPool(origins(endpoints)) as BalancedPool & Record<symbol, () => unknown>
  let last: unknown
  return timedLoop(() => {
    const picked = pool[symbol]()
    const same = picked === last ? 1 : 0
    last = picked
    return same
  })
}
