/** The simulations of docs/figures are what docs/policies.md shows of them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { labelOf } from '../../lib/simulate/balancers.js'
import type { SimulationConfig } from '../../lib/simulate/config.js'
import { simulate } from '../../lib/simulate/index.js'
import { parseSimulation } from '../../lib/simulate/parse.js'
import { DARK_STYLE } from '../../lib/simulate/plots/theme.js'

const DOCS = join(import.meta.dirname, '../../docs')
const read = (...path: string[]): string => readFileSync(join(DOCS, ...path), 'utf8')
const configOf = (file: string): SimulationConfig => parseSimulation(parse(read('figures', file)))
const AGAIN = 'docs/figures are not what the simulator says now: `npm run docs:figures` makes them anew'

const files = readdirSync(join(DOCS, 'figures')).filter((file) => file.endsWith('.yaml'))
const page = read('policies.md')

describe.each(files)('%s', (file) => {
  const name = file.replace('.yaml', '')

  it('has plots, and a table with each policy', () => {
    const labels = configOf(file).policies?.map(labelOf)
    const [, table = ''] = new RegExp(`<!-- figures: ${name} -->(.*?)<!-- end -->`, 's').exec(page) ?? []
    const rows = [...table.matchAll(/^\| ([^|]+) \|/gm)].map(([, label]) => label)
    expect(rows.slice(2)).toEqual(labels)
    for (const plot of [`${name}-latency.svg`, `${name}-load.svg`]) {
      expect(existsSync(join(DOCS, 'figures', plot))).toBe(true)
      expect(read('figures', plot), AGAIN).toContain(DARK_STYLE)
      for (const label of labels ?? [])
        expect(read('figures', plot)).toMatch(new RegExp(`>${label}</t(ext|span)>`))
    }
  })
})

// One that takes little time stands for all.
it('the replay of a slow endpoint comes out as it is printed, on either engine', async () => {
  const config = configOf('slow.yaml')
  const policies = config.policies?.slice(0, 3)
  const printed = read('figures', 'slow-latency.svg')
  for (const { policy, p999Ms, p50Ms } of await simulate({ ...config, policies })) {
    const label = (ms: number) =>
      ms >= 1_000 ? `${Number((ms / 1_000).toPrecision(3))} s` : `${Number(ms.toPrecision(3))} ms`
    expect(printed, AGAIN).toContain(`<title>${policy}: p50 ${label(p50Ms)}</title>`)
    expect(printed, AGAIN).toContain(`<title>${policy}: p99.9 ${label(p999Ms)}</title>`)
  }
})
