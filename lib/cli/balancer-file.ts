import { parseBalancerConfig } from '../configuration/parse.js'
import type { BalancerConfig } from '../model/index.js'
import { isRecord } from '../options/kinds.js'

/**
 * What a balancer is made of, from its own file or from the proxy's, which says more.
 * @throws ConfigError
 */
export function balancerConfigOf(value: unknown): BalancerConfig {
  const { listen: _, routes: __, ...config } = isRecord(value) ? value : { services: value }
  parseBalancerConfig(config)
  return config as unknown as BalancerConfig
}
