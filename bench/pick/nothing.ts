/** The baseline: the loop itself. */
import { timedLoop } from './timed-loop.js'

export const prepare = () => timedLoop((count) => count & 1)
