/** A configuration in a file, YAML or JSON: read, parsed, checked; what is wrong comes with its line. */
import { readFileSync } from 'node:fs'
import { ConfigError, type ConfigFault, FairleadError } from '../errors.js'
import { parseText, type Text } from './text.js'

/** The file cannot be read, is not YAML or JSON, or has faults: all of them, with their lines. */
export class ConfigFileError extends FairleadError {
  override readonly name = 'ConfigFileError'

  constructor(file: string, faults: readonly string[]) {
    const what = faults.length === 1 ? 'a fault' : `${faults.length} faults`
    super('FAIRLEAD_CONFIG', `${file} has ${what}:\n${faults.map((fault) => `  ${fault}`).join('\n')}`)
  }
}

/**
 * What `parse` makes of a file's content.
 * @param parse throws `ConfigError`
 * @throws ConfigFileError
 */
export function readConfigFile<T>(file: string, parse: (value: unknown) => T): T {
  let source: string
  try {
    source = readFileSync(file, 'utf8')
  } catch (error) {
    throw new ConfigFileError(file, [`it cannot be read: ${(error as Error).message}`])
  }
  const text = parseText(source)
  if (text.faults.length > 0) throw new ConfigFileError(file, text.faults)
  try {
    return parse(text.value)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new ConfigFileError(file, located(error.faults, text))
  }
}

/** The faults in the order of the file, each with its line. */
function located(faults: readonly ConfigFault[], text: Text): string[] {
  return faults
    .map(({ path, message }) => ({
      line: text.lineOf(path) ?? 0,
      message: `${path || 'the file'}: ${message}`,
    }))
    .sort((a, b) => a.line - b.line)
    .map(({ line, message }) => (line === 0 ? message : `line ${line}: ${message}`))
}
