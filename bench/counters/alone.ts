/** One thread, one block: the engine's core by itself. */
import { timedLoop } from '../pick/timed-loop.js'
import { createBlock, openBlock } from './block.js'
import { cycle } from './cycle.js'

export const prepare = ({ endpoints }: { endpoints: number }) =>
  timedLoop(cycle(openBlock(createBlock(endpoints), 0)))
