/** Prints how each limiter does on the overload shapes: `node scripts/overload-table.mjs [--every N] [--only NAME] [--misses N] [--warm] [--specials]`. */
import { parseArgs } from 'node:util'
import { Adaptive } from './adaptive.js'
import { runOverload } from './model.js'
import { Aimd, Brpc, Cinnamon, EnvoyGradient, FixedLimit, Gradient2, Vegas } from './originals.js'
import type { Discipline, Limiter, Shape } from './shape.js'
import { nameOf, overloadShapes, PLAIN, SCALED } from './shapes.js'
import { printSpecials } from './specials.js'

const LIMITERS: Record<string, (shape: Shape) => () => Limiter> = {
  'none (1,024)': () => () => new FixedLimit(),
  'given: 1.5 x workers': (shape) => () => new FixedLimit(Math.ceil(1.5 * shape.workers), shape.meanMs),
  'given: 2 x workers': (shape) => () => new FixedLimit(2 * shape.workers, shape.meanMs),
  'given: 3 x workers': (shape) => () => new FixedLimit(3 * shape.workers, shape.meanMs),
  'Vegas (Netflix)': () => () => new Vegas(),
  'Gradient2 (Netflix)': () => () => new Gradient2(20),
  'Gradient2, least limit 1': () => () => new Gradient2(1),
  'gradient (Envoy)': () => () => new EnvoyGradient(),
  'AIMD on aborts': () => () => new Aimd(),
  'Cinnamon (Uber)': () => () => new Cinnamon(),
  'automatic (bRPC)': () => () => new Brpc(40),
  'automatic (bRPC), least limit 1': () => () => new Brpc(1),
  fairlead: () => () => new Adaptive(),
}
const DISCIPLINES: Record<string, Discipline> = { plain: PLAIN, scaled: SCALED }

const { values } = parseArgs({
  options: {
    every: { type: 'string', default: '1' },
    only: { type: 'string' },
    misses: { type: 'string', default: '0' },
    discipline: { type: 'string' },
    warm: { type: 'boolean', default: false },
    specials: { type: 'boolean', default: false },
  },
})

if (values.specials) printSpecials()
else printTable()

function printTable(): void {
  const shapes = overloadShapes().filter((_, i) => i % Number(values.every) === 0)
  console.log(`${shapes.length} shapes; goodput after 10 s, of capacity`)
  console.log('limiter | queue | mean ms | worst | 10th % | median | below 0.9 | below 0.95 | p99 / deadline')
  for (const [queue, discipline] of Object.entries(DISCIPLINES)) {
    if (values.discipline !== undefined && values.discipline !== queue) continue
    for (const [name, limiterOf] of Object.entries(LIMITERS)) {
      if (values.only !== undefined && !name.startsWith(values.only)) continue
      const rows = shapes.map((shape) => {
        // Twenty seconds at half the capacity before, so that the base is known.
        const before = { load: 0.5, changes: [{ atMs: 20_000, load: shape.load }], countFromMs: 30_000 }
        const run = values.warm ? { ...shape, ...before, durationMs: 80_000 } : shape
        const { goodput, p99Ms } = runOverload(run, discipline, limiterOf(shape))
        return { shape, goodput, late: p99Ms / shape.deadlineMs }
      })
      for (const meanMs of [0, 20, 100, 1_000]) {
        const some = rows.filter(({ shape }) => meanMs === 0 || shape.meanMs === meanMs)
        const goodputs = some.map(({ goodput }) => goodput).sort((a, b) => a - b)
        const at = (share: number): string => goodputs[Math.floor(share * (goodputs.length - 1))].toFixed(2)
        const below = (bound: number): number => goodputs.filter((goodput) => goodput < bound).length
        const late = some.map((row) => row.late).sort((a, b) => a - b)[some.length >> 1]
        console.log(
          [
            name,
            queue,
            meanMs || 'all',
            at(0),
            at(0.1),
            at(0.5),
            below(0.9),
            below(0.95),
            late.toFixed(2),
          ].join(' | '),
        )
      }
      const worst = rows.sort((a, b) => a.goodput - b.goodput).slice(0, Number(values.misses))
      for (const { shape, goodput } of worst)
        if (goodput < 0.9) console.log(`  ${goodput.toFixed(3)} ${nameOf(shape)}`)
    }
  }
}
