import { describe } from 'vitest'
import { coreContract } from './core.contract.js'
import { engines } from './engines.js'

for (const { kind, factory } of engines) describe(`core, ${kind} engine`, () => coreContract(factory))
