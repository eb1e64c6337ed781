/**
 * The libraries that take long to load (undici alone 62 ms and 19 MB), loaded on first use. `createRequire` because the
 * callers are synchronous; the types are erased. Each is cached here, so that a later call costs one comparison.
 */
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

let zod: typeof import('zod/mini') | undefined
let undici: typeof import('undici') | undefined
let yaml: typeof import('yaml') | undefined

/** The schema library: its functional build, which loads in two thirds of the time of the chained one. */
export function loadZod(): typeof import('zod/mini') {
  zod ??= require('zod/mini') as typeof import('zod/mini')
  return zod
}

export function loadUndici(): typeof import('undici') {
  undici ??= require('undici') as typeof import('undici')
  return undici
}

export function loadYaml(): typeof import('yaml') {
  yaml ??= require('yaml') as typeof import('yaml')
  return yaml
}

/** Where the YAML library is, for threads that load it themselves. */
export const yamlPath = (): string => require.resolve('yaml')
