/** The options of what surrounds a policy; each stage has its own. */
import { place } from '../options/common.js'
import type { ResolvedOf } from '../options/types.js'
import { APERTURE } from './aperture.js'
import { PRIORITY } from './priority.js'
import { SLOW_START } from './slow-start.js'
import { SUBSETS } from './subsets.js'
import { ZONE_AWARE } from './zone.js'

export const VIEW = {
  ...PRIORITY,
  slowStart: SLOW_START,
  zoneAware: ZONE_AWARE,
  subsets: SUBSETS,
  aperture: APERTURE,
  region: place('Region of this process: the default for requests that name none.'),
  zone: place('Zone of this process.'),
} as const

export type ResolvedView = ResolvedOf<typeof VIEW>
