import type { Link } from './relay.js'
import type { Stage } from './stage.js'

/** One thing that happens to a fleet under load. */
export interface Scenario {
  readonly name: string
  /** For readers. */
  readonly what: string
  /** Part of the short form. */
  readonly short?: boolean
  /** What it cannot do without. */
  readonly needs?: 'faketime' | 'namespaces'
  /** etcd's default where it is left out. */
  readonly quotaBytes?: number
  /** The caller's way to etcd; a direct one where it is left out. */
  readonly callerLink?: Link
  /** The nodes' way to etcd. */
  readonly nodeLink?: Link
  /** Least number of endpoints that the caller may know at any time; all three where it is left out. */
  readonly leastKnown?: number
  /** Does it, measures, and tells the stage what does not hold; may throw where it cannot go on. */
  play(stage: Stage): Promise<void>
}
