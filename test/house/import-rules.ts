// The imports of lib/, read by a real parser, and the rules they keep. Used by imports.test.ts.
import { posix } from 'node:path'
import { parseAst } from 'vitest/node'
import { circlesOf } from '../../scripts/structure.mjs'

export interface Import {
  /** As written, resolved to a path below lib/ where it is one of ours. */
  readonly target: string
  /** `import type` and `export type`: gone when compiled. (An `import { type X }` still loads the module.) */
  readonly erased: boolean
  /** `import()`: loaded when it runs. */
  readonly dynamic: boolean
}

export interface Module {
  readonly imports: readonly Import[]
  readonly topLevelAwait: boolean
}

/** Path below lib/, with `/`, to its module. */
export type Modules = ReadonlyMap<string, Module>

interface Node {
  readonly type: string
  readonly [key: string]: unknown
}

/** Parses sources, by path below lib/. */
export function parseModules(sources: ReadonlyMap<string, string>): Modules {
  return new Map([...sources].map(([path, text]) => [path, parseModule(path, text)]))
}

function parseModule(path: string, text: string): Module {
  const imports: Import[] = []
  let topLevelAwait = false
  const visit = (value: unknown, inFunction: boolean): void => {
    if (Array.isArray(value)) for (const item of value) visit(item, inFunction)
    if (!isNode(value)) return
    const source = value.source as { value?: unknown } | null | undefined
    if (
      /^(Import|Export(Named|All))(Declaration|Expression)$/.test(value.type) &&
      typeof source?.value === 'string'
    ) {
      imports.push({
        target: resolve(path, source.value),
        erased: value.importKind === 'type' || value.exportKind === 'type',
        dynamic: value.type === 'ImportExpression',
      })
    }
    const awaits =
      value.type === 'AwaitExpression' || (value.type === 'ForOfStatement' && value.await === true)
    if (awaits && !inFunction) topLevelAwait = true
    const inside = inFunction || /Function/.test(value.type)
    for (const child of Object.values(value)) visit(child, inside)
  }
  visit(parseAst(text, { lang: 'ts', sourceType: 'module' }).body, false)
  return { imports, topLevelAwait }
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string'

function resolve(from: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier
  return posix.join(posix.dirname(from), specifier).replace(/\.js$/, '.ts')
}

/** The layers, lowest first: a module imports from lower layers and from its own unit (a folder, or lib/ itself). */
const LAYERS: readonly (readonly string[])[] = [
  ['model', 'errors.ts', 'runtime'],
  ['engine'],
  // Kinds of options, and how values are checked against them: the stages have options of their own.
  ['options'],
  [
    'topology',
    'queue',
    'health',
    'policy',
    'load',
    'admission',
    'outcome',
    'observe',
    'connections',
    'sources',
  ],
  // What surrounds a policy.
  ['view'],
  // What changes configurations, made of the options of the stages and of the view; and what makes one balancer of several threads.
  ['configuration', 'shared'],
  ['balancer'],
  ['clients', 'admin', 'simulate', 'registration'],
  ['index.ts'],
  ['cli'],
]
/** Layers whose units may import each other. */
const OPEN_LAYERS = new Set([0])

const unitOf = (path: string): string => {
  const first = path.split('/', 1)[0]
  return LAYERS.some((layer) => layer.includes(first)) ? first : `?${first}`
}
const layerOf = (unit: string): number => LAYERS.findIndex((layer) => layer.includes(unit))

/** One line for each import that goes the wrong way, and for each folder that has no layer. */
export function wrongWays(modules: Modules): string[] {
  const faults: string[] = []
  for (const [path, { imports }] of modules) {
    const from = unitOf(path)
    if (from.startsWith('?')) faults.push(`${path}: ${from.slice(1)} has no layer`)
    for (const { target } of imports) {
      if (!modules.has(target)) continue
      const to = unitOf(target)
      const [above, below] = [layerOf(from), layerOf(to)]
      if (from === to || below < above || (above === below && OPEN_LAYERS.has(above))) continue
      faults.push(`${path} imports ${target}`)
    }
  }
  return faults
}

/** One line for each circle of modules that import each other, types included. */
export function cycles(modules: Modules): string[] {
  return circlesOf(new Map([...modules].map(([path, { imports }]) => [path, ours(imports, modules)])))
}

const ours = (imports: readonly Import[], modules: Modules): string[] =>
  imports.map(({ target }) => target).filter((target) => modules.has(target))

/** One line for each module that is loaded with `entry` and loads one of `packages` at once. */
export function eagerLoads(modules: Modules, entry: string, packages: readonly string[]): string[] {
  const faults: string[] = []
  const seen = new Set([entry])
  for (const path of seen) {
    for (const { target, erased, dynamic } of modules.get(path)?.imports ?? []) {
      if (erased || dynamic) continue
      if (modules.has(target)) seen.add(target)
      if (packages.some((name) => target === name || target.startsWith(`${name}/`)))
        faults.push(`${path} loads ${target}`)
    }
  }
  return faults
}

/** Relative imports that name no file. */
export function danglingImports(modules: Modules): string[] {
  return [...modules].flatMap(([path, { imports }]) =>
    imports
      .filter(({ target }) => /\.ts$/.test(target) && !modules.has(target))
      .map(({ target }) => `${path}: ${target}`),
  )
}
