import type { CoreFactory } from '../../lib/engine/contract.js'
import { fallbackFactory } from '../../lib/engine/fallback/index.js'
import { createNativeFactory } from '../../lib/engine/native/core.js'
import { loadAddon } from '../../lib/engine/native/load.js'

export interface EngineUnderTest {
  readonly kind: 'native' | 'fallback'
  readonly factory: CoreFactory
}

const wanted = process.env['FAIRLEAD_ENGINE'] || 'auto'

/** The addon, or why there is none. FAIRLEAD_ENGINE=native makes its absence an error, =fallback leaves it out. */
export const loaded = wanted === 'fallback' ? { error: new Error('not asked for') } : loadAddon()
if (wanted === 'native' && 'error' in loaded) throw loaded.error

export const addon = 'error' in loaded ? undefined : loaded.addon

const fallback: EngineUnderTest = { kind: 'fallback', factory: fallbackFactory }
const native: EngineUnderTest | undefined =
  addon === undefined ? undefined : { kind: 'native', factory: createNativeFactory(addon) }

/** The engines that can run here. */
export const engines: readonly EngineUnderTest[] = native === undefined ? [fallback] : [native, fallback]
