import { drawn } from '../engine/weighted-draw.js'
import { reserveFrom } from './choose.js'
import { stateless } from './policy.js'
import { random } from './random.js'
import { drawByWeight } from './weights.js'

/**
 * One endpoint at random, with a probability in proportion to its weight. One random number a pick, however many
 * endpoints there are: the alias method (Walker 1977, with Vose's construction, 1991). Equal weights are `random`.
 */
export const weightedRandom = stateless({
  name: 'weighted-random',
  options: {},
  latency: 'plain',
  picker: (view, options) => {
    const { slots, state } = view
    const draw = drawByWeight(view)
    if (draw === undefined) return random.picker(view, options)
    return () => reserveFrom(view, slots, drawn(draw, state.core.random()))
  },
})
