import { AtomicsCore } from '../atomics/core.js'
import type { CoreFactory } from '../contract.js'

/** The engine without the addon. */
export const fallbackFactory: CoreFactory = {
  createCore: (root, thread) => new AtomicsCore(root, thread),
}
