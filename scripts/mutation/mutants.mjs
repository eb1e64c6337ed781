// The mutants of one file: small changes, each of which some test should notice.
import { parse, walk } from './syntax.mjs'

/**
 * @typedef {{ start: number, end: number, text: string, operator: string }} Edit
 * @typedef {Edit & { file: string, line: number, source: string, was: string }} Mutant `source` is the trimmed line
 * that the change begins in, `was` the text that `text` replaces
 * @typedef {import('./syntax.mjs').Node} Node
 */

const BOUNDARY = /** @type {Record<string, string>} */ ({ '<': '<=', '<=': '<', '>': '>=', '>=': '>' })
const EQUALITY = /** @type {Record<string, string>} */ ({
  '===': '!==',
  '!==': '===',
  '==': '!=',
  '!=': '==',
})
const ARITHMETIC = /** @type {Record<string, string>} */ ({
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
  '%': '*',
  '**': '*',
  '<<': '>>',
  '>>': '<<',
  '>>>': '<<',
  '&': '|',
  '|': '&',
  '^': '&',
})
const ASSIGNED = /** @type {Record<string, string>} */ ({
  '+=': '-=',
  '-=': '+=',
  '*=': '/=',
  '/=': '*=',
  '??=': '=',
  '||=': '=',
  '&&=': '=',
})
/** Statements that are there for their effect. */
const EFFECTS = new Set([
  'CallExpression',
  'AwaitExpression',
  'AssignmentExpression',
  'UpdateExpression',
  'ChainExpression',
])
// Fits every type, so that a mutant has to be noticed by what it does.
const NOTHING = 'undefined as never'

/**
 * @param {string} file
 * @param {string} text
 * @returns {Mutant[]} in the order of the text
 */
export function mutantsOf(file, text) {
  /** @type {Map<string, Edit>} */
  const edits = new Map()
  walk(parse(file, text), ({ node, parent, key }) => {
    for (const edit of editsAt(node, parent, key, text)) {
      const id = `${edit.start} ${edit.end} ${edit.text}`
      if (!edits.has(id)) edits.set(id, edit)
    }
  })
  return [...edits.values()]
    .sort((one, other) => one.start - other.start || one.end - other.end)
    .map((edit) => describe(file, text, edit))
}

/** @returns {Mutant} */
function describe(/** @type {string} */ file, /** @type {string} */ text, /** @type {Edit} */ edit) {
  const line = text.slice(0, edit.start).split('\n').length
  const source = text.split('\n')[line - 1]?.trim() ?? ''
  return { ...edit, file, line, source, was: text.slice(edit.start, edit.end) }
}

/**
 * @param {Node} node
 * @param {Node | undefined} parent
 * @param {string} key
 * @param {string} text
 * @returns {Generator<Edit>}
 */
function* editsAt(node, parent, key, text) {
  const of = (/** @type {Node} */ part) => text.slice(part.start, part.end)
  const whole = (/** @type {string} */ operator, /** @type {string} */ replacement) => ({
    start: node.start,
    end: node.end,
    text: replacement,
    operator,
  })
  const sign = (/** @type {string} */ operator, /** @type {string} */ replacement) => {
    const start = node.left.end + text.slice(node.left.end, node.right.start).indexOf(node.operator)
    return { start, end: start + node.operator.length, text: replacement, operator }
  }
  if (key === 'test' && parent?.type !== 'SwitchCase') yield* negations(node, of(node))
  switch (node.type) {
    case 'LogicalExpression':
      if (node.operator === '??') {
        yield whole('left of ??', `(${of(node.left)})`)
        yield whole('right of ??', `(${of(node.right)})`)
      } else yield sign('&& and ||', node.operator === '&&' ? '||' : '&&')
      return
    case 'BinaryExpression': {
      const [boundary, equality, arithmetic] = [BOUNDARY, EQUALITY, ARITHMETIC].map((of) => of[node.operator])
      if (boundary) yield sign('boundary', boundary)
      else if (equality) yield sign('negated condition', equality)
      else if (arithmetic && !isText(node.left) && !isText(node.right)) yield sign('arithmetic', arithmetic)
      return
    }
    case 'AssignmentExpression': {
      const assigned = ASSIGNED[node.operator]
      if (assigned && !isText(node.right)) yield sign('assignment', assigned)
      return
    }
    case 'UpdateExpression':
      yield whole('arithmetic', of(node).replace(node.operator, node.operator === '++' ? '--' : '++'))
      return
    case 'ExpressionStatement':
      if (isEffect(node.expression)) yield whole('removed statement', ';')
      return
    case 'ReturnStatement':
      if (node.argument === null) yield whole('removed statement', ';')
      else if (isWorthLosing(node.argument)) yield whole('returned value', `return ${NOTHING}`)
      return
    case 'ArrowFunctionExpression':
      if (node.body.type !== 'BlockStatement' && isWorthLosing(node.body)) {
        const { start, end } = node.body
        yield { start, end, text: `(${NOTHING})`, operator: 'returned value' }
      }
      return
    case 'ContinueStatement':
    case 'ThrowStatement':
      yield whole('removed statement', ';')
      return
    case 'BreakStatement':
      if (parent?.type !== 'SwitchCase') yield whole('removed statement', ';')
      return
    case 'BlockStatement':
      if (node.body.length === 0) return
      if (parent?.type === 'CatchClause') yield whole('emptied catch', '{}')
      if (key === 'finalizer') yield whole('emptied finally', '{}')
      return
    case 'Literal':
      if (typeof node.value === 'boolean') yield whole('true and false', String(!node.value))
      else if (typeof node.value === 'number' && key !== 'key') yield whole('number', otherNumber(node.value))
      return
    case 'MemberExpression':
    case 'CallExpression':
      if (node.optional) {
        const from = (node.object ?? node.callee).end
        const start = from + text.slice(from).indexOf('?.')
        // `a?.b` keeps its dot; `a?.[b]` and `a?.(b)` do not.
        const dot = node.type === 'MemberExpression' && !node.computed ? '.' : ''
        yield { start, end: start + 2, text: dot, operator: 'optional chaining' }
      }
  }
}

/** @returns {Generator<Edit>} */
function* negations(/** @type {Node} */ test, /** @type {string} */ words) {
  // An equality is negated by its sign.
  if (test.type === 'BinaryExpression' && EQUALITY[test.operator]) return
  if (test.type === 'Literal') return
  const text = test.type === 'UnaryExpression' && test.operator === '!' ? words.slice(1) : `!(${words})`
  yield { start: test.start, end: test.end, text, operator: 'negated condition' }
}

const isText = (/** @type {Node} */ node) =>
  node.type === 'TemplateLiteral' || (node.type === 'Literal' && typeof node.value === 'string')

/** @returns {boolean} */
const isEffect = (/** @type {Node} */ node) =>
  node.type === 'UnaryExpression'
    ? node.operator === 'delete' || (node.operator === 'void' && isEffect(node.argument))
    : EFFECTS.has(node.type) && node.callee?.type !== 'Super'

/** Booleans and numbers have operators of their own; nothing cannot be lost. */
const isWorthLosing = (/** @type {Node} */ node) =>
  !(node.type === 'Literal' && (typeof node.value === 'boolean' || typeof node.value === 'number')) &&
  !(node.type === 'Identifier' && node.name === 'undefined')

const otherNumber = (/** @type {number} */ value) => String(value === 0 ? 1 : value === 1 ? 2 : 2 * value)

/**
 * @param {string} text
 * @param {Edit} edit
 */
export const apply = (text, edit) => text.slice(0, edit.start) + edit.text + text.slice(edit.end)
