import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { parseBalancerConfig } from '../../lib/configuration/parse.js'
import { loadUndici, loadYaml } from '../../lib/runtime/lazy.js'

const { cache } = createRequire(import.meta.url)
const isLoaded = (library: string) =>
  Object.keys(cache).some((file) => file.includes(`node_modules/${library}/`))

test('the heavy libraries are loaded on first use, not on import', () => {
  for (const library of ['zod', 'undici', 'yaml'])
    expect([library, isLoaded(library)]).toEqual([library, false])
  parseBalancerConfig({ services: {} })
  expect([isLoaded('zod'), isLoaded('undici'), isLoaded('yaml')]).toEqual([true, false, false])
  expect(loadUndici()).toBe(loadUndici())
  expect(loadYaml().parse('a: 1')).toEqual({ a: 1 })
  expect([isLoaded('undici'), isLoaded('yaml')]).toEqual([true, true])
})
