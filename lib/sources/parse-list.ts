import { reasonOf } from '../runtime/foreign.js'
import { loadYaml } from '../runtime/lazy.js'

/** Aliases let a small YAML document stand for a huge one. */
export const MAX_ALIASES = 100
export const NO_LIST = 'it holds no list of endpoints; write a list, or an object with `endpoints`'

/**
 * The list of endpoints in a document: JSON or YAML, a list or an object with `endpoints`.
 * @throws Error which says what it is instead, in words that go on from the name of the source
 */
export function parseList(text: string): readonly unknown[] {
  const value = parseDocument(text)
  if (Array.isArray(value)) return value
  if (typeof value === 'object' && value !== null && 'endpoints' in value && Array.isArray(value.endpoints))
    return value.endpoints
  throw new Error(NO_LIST)
}

/** Whether it begins as JSON does. */
export const isJson = (text: string): boolean => /^\s*[[{]/.test(text)

function parseDocument(text: string): unknown {
  // JSON is YAML, too, but is read a hundred times faster by its own parser.
  const asJson = isJson(text)
  try {
    return asJson ? JSON.parse(text) : loadYaml().parse(text, { maxAliasCount: MAX_ALIASES })
  } catch (error) {
    if (!asJson) throw new Error(`it is no YAML: ${reasonOf(error)}`, { cause: error })
    return parseFlowYaml(text, error)
  }
}

/** What begins as JSON and is none may be YAML in its short form: `[http://a:1]`. */
function parseFlowYaml(text: string, jsonError: unknown): unknown {
  try {
    return loadYaml().parse(text, { maxAliasCount: MAX_ALIASES })
  } catch {
    throw new Error(`it is no JSON: ${reasonOf(jsonError)}`, { cause: jsonError })
  }
}
