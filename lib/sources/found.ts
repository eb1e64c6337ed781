import type { Endpoint } from '../model/index.js'
import type { ResolvedSource } from './options.js'

/** The last good answer of a source. */
export interface Found {
  /** Of the source: what it found is kept as long as its configuration is the same. */
  readonly key: string
  readonly endpoints: readonly Endpoint[]
}

export const keyOf = (source: ResolvedSource): string => JSON.stringify(source)
