import { ArgumentError } from '../errors.js'
import type { SourceDefinition, SourceName } from '../model/index.js'
import { registerSource } from '../runtime/sources.js'

const NAME = /^[a-z][a-z0-9-]{0,63}$/

/**
 * Registers a source of endpoints of your own under `name`, for this thread; worker threads register their own, since any of
 * them may come to lead. Defining a name again replaces it for sources that begin afterwards. Returns the name, to be used as
 * `source: { name, options }`.
 * @throws ArgumentError where the name is none, or the definition has no `start`
 */
export function defineSource(name: string, definition: SourceDefinition): SourceName {
  if (typeof name !== 'string' || !NAME.test(name))
    throw new ArgumentError(
      `the name of a source is ${JSON.stringify(name) ?? typeof name}; it takes 1 to 64 of a-z, 0-9 and "-", a letter first`,
    )
  if (typeof definition?.start !== 'function')
    throw new ArgumentError(`source "${name}" has no function \`start(options, sink, signal)\``)
  return registerSource(name, definition)
}
