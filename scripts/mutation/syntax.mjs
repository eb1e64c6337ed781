// TypeScript's syntax tree (ESTree, by the parser that rolldown ships), walked without what exists for types only.
import { parseSync } from 'rolldown/utils'

/**
 * @typedef {{ type: string, start: number, end: number } & Record<string, any>} Node
 * @typedef {{ node: Node, parent: Node | undefined, key: string }} Place
 */

const TYPES_ONLY = new Set(['typeAnnotation', 'typeParameters', 'typeArguments', 'returnType', 'implements'])
// These wrap an expression; every other TS node is a type or a declaration of one.
const WRAPPERS = new Set([
  'TSAsExpression',
  'TSNonNullExpression',
  'TSSatisfiesExpression',
  'TSTypeAssertion',
  'TSParameterProperty',
])

/**
 * @param {string} file
 * @param {string} text
 * @returns {Node}
 */
export function parse(file, text) {
  const { program, errors } = parseSync(file, text)
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`)
  return /** @type {any} */ (program)
}

/**
 * Every node that runs, parents first.
 * @param {Node} node
 * @param {(place: Place) => void} visit
 * @param {Node} [parent]
 * @param {string} [key]
 */
export function walk(node, visit, parent, key = '') {
  const declares = node.type.startsWith('TS') && !WRAPPERS.has(node.type)
  if (declares || node.type === 'ImportDeclaration' || node.declare === true) return
  visit({ node, parent, key })
  for (const [name, value] of Object.entries(node)) {
    if (TYPES_ONLY.has(name)) continue
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child?.type === 'string' && child !== null) walk(child, visit, node, name)
    }
  }
}

/** @param {Node} node */
export const isFunction = (node) =>
  node.type === 'FunctionDeclaration' ||
  node.type === 'FunctionExpression' ||
  node.type === 'ArrowFunctionExpression'
