/** The engine's core by itself, with the weights that `fairlead.ts` gives its endpoints. */
import { drawTable } from '../../dist/engine/weighted-draw.js'
import { createBlock, openBlock } from '../counters/block.js'
import { cycle } from '../counters/cycle.js'
import { timedLoop } from './timed-loop.js'

export const prepare = ({ endpoints }: { endpoints: number }) => {
  const weights = Float64Array.from({ length: endpoints }, (_, i) => 1 + (i % 4))
  return timedLoop(cycle(openBlock(createBlock(endpoints), 0, drawTable(weights))))
}
