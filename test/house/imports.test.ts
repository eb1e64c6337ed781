import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { cycles, danglingImports, eagerLoads, parseModules, wrongWays } from './import-rules.js'

const LIB = join(import.meta.dirname, '../../lib')

/** Loaded on first use, so that importing fairlead stays light (design, decision 9). */
const LAZY = ['undici', 'zod', 'yaml', 'commander', 'cli-table3', 'log-update', 'picocolors']

const sources = new Map(
  readdirSync(LIB, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => [file.replaceAll('\\', '/'), readFileSync(join(LIB, file), 'utf8')]),
)

describe('imports in lib', () => {
  const modules = parseModules(sources)

  test('all of lib is read', () => {
    expect(modules.has('index.ts')).toBe(true)
    expect(danglingImports(modules)).toEqual([])
  })

  test('go one way: cli -> clients, admin, simulate -> balancer -> configuration, shared -> view -> stage folders -> options -> engine -> model', () => {
    expect(wrongWays(modules)).toEqual([])
  })

  test('go in no circle, types included', () => {
    expect(cycles(modules)).toEqual([])
  })

  test('leave heavy libraries to the first use', () => {
    expect(eagerLoads(modules, 'index.ts', LAZY)).toEqual([])
    // Optional: they must load without it.
    for (const entry of ['simulate/index.ts', 'cli/main.ts', 'cli/simulate/run.ts'])
      expect(eagerLoads(modules, entry, ['vega'])).toEqual([])
  })

  test('no module awaits at its top level, so that require() of the package works', () => {
    expect([...modules].filter(([, module]) => module.topLevelAwait).map(([path]) => path)).toEqual([])
  })
})

describe('the rules themselves', () => {
  const parse = (files: Record<string, string>) => parseModules(new Map(Object.entries(files)))
  const LOWEST = { 'model/index.ts': '', 'errors.ts': '', 'runtime/clock.ts': '' }

  test.each([
    ['policy/a.ts', 'health/b.ts', 'one stage folder imports another'],
    ['engine/a.ts', 'policy/b.ts', 'the engine imports a stage'],
    ['model/a.ts', 'engine/b.ts', 'the model imports the engine'],
    ['health/a.ts', 'balancer/b.ts', 'a stage imports the balancer'],
    ['balancer/a.ts', 'clients/b.ts', 'the balancer imports a client'],
    ['clients/a.ts', 'cli/b.ts', 'a client imports the CLI'],
    ['index.ts', 'cli/b.ts', 'the entry imports the CLI'],
    ['admin/a.ts', 'clients/b.ts', 'admin imports a client'],
    ['options/a.ts', 'policy/b.ts', 'the options import a stage'],
    ['configuration/a.ts', 'shared/b.ts', 'what changes configurations imports what shares them'],
    ['configuration/a.ts', 'balancer/b.ts', 'what changes configurations imports the balancer'],
    ['view/a.ts', 'configuration/b.ts', 'what surrounds a policy imports what changes configurations'],
  ])('%s -> %s is found: %s', (from, to) => {
    const up = from.includes('/') ? '../' : './'
    const text = `import type { X } from '${up}${to.replace('.ts', '.js')}'`
    expect(wrongWays(parse({ ...LOWEST, [to]: '', [from]: text }))).toEqual([`${from} imports ${to}`])
  })

  test.each([
    ['cli/a.ts', 'clients/b.ts'],
    ['cli/a.ts', 'index.ts'],
    ['index.ts', 'clients/b.ts'],
    ['balancer/a.ts', 'policy/b.ts'],
    ['balancer/a.ts', 'configuration/b.ts'],
    ['policy/a.ts', 'policy/deep/b.ts'],
    ['policy/a.ts', 'runtime/clock.ts'],
    ['engine/a.ts', 'errors.ts'],
  ])('%s -> %s is allowed', (from, to) => {
    const up = from.includes('/') ? '../' : './'
    const text = `export * from '${up}${to.replace('.ts', '.js')}'`
    expect(wrongWays(parse({ ...LOWEST, [to]: '', [from]: text }))).toEqual([])
  })

  test('a folder without a layer is found', () => {
    expect(wrongWays(parse({ 'misc/a.ts': '' }))).toEqual(['misc/a.ts: misc has no layer'])
  })

  test('a circle is found, over types and over several files', () => {
    const files = {
      'policy/a.ts': "import type { B } from './b.js'",
      'policy/b.ts': "import './c.js'",
      'policy/c.ts': "export type { A } from './a.js'",
      'policy/d.ts': "import './a.js'",
    }
    expect(cycles(parse(files))).toEqual(['policy/a.ts -> policy/b.ts -> policy/c.ts -> policy/a.ts'])
  })

  test('imports by re-export and by import() are found, also inside functions', () => {
    const text =
      "export const f = async () => { await import('../cli/b.js') }\nexport { x } from '../cli/c.js'"
    const modules = parse({ 'policy/a.ts': text, 'cli/b.ts': '', 'cli/c.ts': '' })
    expect(wrongWays(modules)).toHaveLength(2)
    expect(modules.get('policy/a.ts')?.topLevelAwait).toBe(false)
  })

  test('an eager load is found through other modules; types and import() are none', () => {
    const modules = parse({
      'index.ts': "import './a.js'\nimport type { Pool } from 'undici'",
      'a.ts':
        "import { z } from 'zod/mini'\nimport { type Agent } from 'undici'\nexport const y = () => import('yaml')",
      'unused.ts': "import 'commander'",
    })
    expect(eagerLoads(modules, 'index.ts', LAZY)).toEqual(['a.ts loads zod/mini', 'a.ts loads undici'])
  })

  test('await at the top level is found', () => {
    const awaits = (text: string) => parse({ 'a.ts': text }).get('a.ts')?.topLevelAwait
    expect(awaits('export const x = await 1')).toBe(true)
    expect(awaits('for await (const x of y) z(x)\nexport {}')).toBe(true)
    expect(awaits('class A { async f() { await 1 } }')).toBe(false)
  })

  test('a dangling import is found', () => {
    expect(danglingImports(parse({ 'a.ts': "import './gone.js'" }))).toEqual(['a.ts: gone.ts'])
  })
})
