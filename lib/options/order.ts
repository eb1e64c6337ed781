import { type Faults, join } from './faults.js'
import { isRecord } from './kinds.js'
import type { Shape } from './option.js'
import { grouped } from './words.js'

/** `[base, max]` pairs: an explicit maximum below the base would never be waited for. */
export function checkOrder(
  owner: unknown,
  pairs: readonly (readonly [base: string, max: string])[],
  shape: Shape,
  path: string,
  faults: Faults,
): void {
  if (!isRecord(owner)) return
  for (const [base, max] of pairs) {
    const least = owner[base] ?? shape[base].default
    const most = owner[max]
    if (typeof least === 'number' && typeof most === 'number' && most < least) {
      faults.add(
        join(path, max),
        `must be at least \`${base}\`, which is ${grouped(least)} ms; it is ${grouped(most)} ms`,
      )
    }
  }
}
