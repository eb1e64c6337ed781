import { parseBalancerConfig } from '../../lib/configuration/parse.js'
import { ConfigError } from '../../lib/errors.js'

/** What `run` refuses, as `path: message`; empty where it refuses nothing. Anything but a `ConfigError` is thrown on. */
export function faultsOf(run: () => unknown): string[] {
  try {
    run()
  } catch (error) {
    if (!(error instanceof ConfigError) || error.code !== 'FAIRLEAD_CONFIG') throw error
    return error.faults.map(({ path, message }) => `${path}: ${message}`)
  }
  return []
}

export const faultsOfConfig = (config: unknown): string[] => faultsOf(() => parseBalancerConfig(config))
