import { reserveFrom } from './choose.js'
import { positionOf } from './hash.js'
import type { StatelessPolicy } from './policy.js'
import { random } from './random.js'
import { areEqual, weightsOf } from './weights.js'

/**
 * One endpoint at random, with a probability in proportion to its weight. Two random numbers a pick, however many
 * endpoints there are: the alias method (Walker 1977, with Vose's construction, 1991). Equal weights are `random`.
 */
export const weightedRandom: StatelessPolicy = {
  name: 'weighted-random',
  latency: 'plain',
  picker: (view, options) => {
    const { slots, state } = view
    const weights = weightsOf(view, view.usable)
    if (areEqual(weights)) return random.picker(view, options)
    const { threshold, alias } = aliasTable(weights)
    const n = slots.length
    return () => {
      const position = positionOf(state.core.random(), n)
      return reserveFrom(view, slots, state.core.random() < threshold[position] ? position : alias[position])
    }
  },
}

const TWO_TO_32 = 4294967296

export interface AliasTable {
  /** Of 2^32: a random number below it stays at its position, any other goes to the alias. */
  readonly threshold: Float64Array
  readonly alias: Uint32Array
}

/** Cuts the weights into n equal columns, each of at most two positions. Exact to 2^-32 of a share. */
export function aliasTable(weights: Float64Array): AliasTable {
  const n = weights.length
  const sum = weights.reduce((total, weight) => total + weight, 0)
  const share = weights.map((weight) => (weight * n) / sum)
  const threshold = new Float64Array(n).fill(TWO_TO_32)
  const alias = Uint32Array.from({ length: n }, (_, i) => i)
  const small: number[] = []
  const large: number[] = []
  for (let i = 0; i < n; i++) (share[i] < 1 ? small : large).push(i)
  while (small.length > 0 && large.length > 0) {
    const less = small.pop() as number
    const more = large[large.length - 1]
    threshold[less] = share[less] * TWO_TO_32
    alias[less] = more
    share[more] -= 1 - share[less]
    if (share[more] < 1) small.push(large.pop() as number)
  }
  return { threshold, alias }
}
