import type { Scenario } from '../scenario.js'
import { CUTS } from './cuts.js'
import { MEMBERS } from './members.js'
import { NODES } from './nodes.js'
import { ROUGH } from './rough.js'

export const SCENARIOS: readonly Scenario[] = [...MEMBERS, ...CUTS, ...NODES, ...ROUGH]
