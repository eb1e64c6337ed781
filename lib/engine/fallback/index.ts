import type { CoreFactory } from '../contract.js'
import { FallbackCore } from './core.js'

export const fallbackFactory: CoreFactory = {
  createCore: (root, thread) => new FallbackCore(root, thread),
}
