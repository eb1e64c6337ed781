import { EngineError } from '../errors.js'
import type { CoreFactory } from './contract.js'
import { fallbackFactory } from './fallback/index.js'
import type { NativeAddon } from './native/addon.js'
import { createNativeFactory } from './native/core.js'
import { loadAddon } from './native/load.js'

/** Which implementation of the hot path runs. */
export interface Engine {
  /** Which implementation of the hot path runs in this process. */
  readonly kind: 'native' | 'fallback'
  /** Why the fallback was picked; undefined for the native engine. */
  readonly reason?: string
}

interface Selection extends Engine {
  readonly factory: CoreFactory
  /** What the native engine loaded, for the parts of it that are not a core (queues). */
  readonly addon?: NativeAddon
}

const CHOICES = ['auto', 'native', 'fallback']

/** Picks the engine once, at load: `FAIRLEAD_ENGINE=auto|native|fallback`. Never silent about a fallback that was not asked for. */
function select(wanted: string): Selection {
  if (!CHOICES.includes(wanted)) {
    throw new EngineError(`FAIRLEAD_ENGINE is "${wanted}"; it takes one of ${CHOICES.join(', ')}`)
  }
  if (wanted === 'fallback') {
    return { kind: 'fallback', reason: 'FAIRLEAD_ENGINE=fallback asks for it', factory: fallbackFactory }
  }
  const failure = tryNative()
  if (!(failure instanceof Error)) return failure
  if (wanted === 'native') {
    throw new EngineError(`FAIRLEAD_ENGINE=native, but the addon cannot be loaded: ${failure.message}`, {
      cause: failure,
    })
  }
  process.emitWarning(`the fallback engine runs, because the addon cannot be loaded: ${failure.message}`, {
    type: 'FairleadWarning',
    code: 'FAIRLEAD_ENGINE',
    detail: 'Set FAIRLEAD_ENGINE=fallback to accept this without a warning; `npx fairlead doctor` says more.',
  })
  return { kind: 'fallback', reason: failure.message, factory: fallbackFactory }
}

function tryNative(): Selection | Error {
  const loaded = loadAddon()
  if ('error' in loaded) return loaded.error
  try {
    return { kind: 'native', factory: createNativeFactory(loaded.addon), addon: loaded.addon }
  } catch (error) {
    return error as Error
  }
}

export const selection: Selection = select(process.env['FAIRLEAD_ENGINE'] || 'auto')

/** The engine of this process, picked when fairlead is loaded. */
export const engine: Engine = Object.freeze(
  selection.reason === undefined
    ? { kind: selection.kind }
    : { kind: selection.kind, reason: selection.reason },
)
