// Which tests reach which part of a file: each part notes, once a process, that it was reached.
import { isFunction, parse, walk } from './syntax.mjs'

/**
 * A part that runs as a whole or not at all, seen from its beginning. Block 0 is the module.
 * @typedef {{ id: number, start: number, end: number }} Block
 * @typedef {import('./syntax.mjs').Node} Node
 */

/** The variable that names the file which takes the notes. */
export const NOTES = 'FAIRLEAD_MUTATION_NOTES'

/**
 * @param {string} file
 * @param {string} text
 * @returns {{ text: string, blocks: Block[] }} the file with notes, and its blocks
 */
export function withNotes(file, text) {
  /** @type {Block[]} */
  const blocks = [{ id: 0, start: 0, end: text.length }]
  const around = new Insertions()
  const block = (/** @type {Node} */ { start, end }) => blocks.push({ id: blocks.length, start, end }) - 1
  const statement = (/** @type {Node} */ node, range = node) => {
    const note = `$note(${block(range)});`
    if (node.type === 'BlockStatement') around.add(node.start + 1, note, node.end, '')
    else around.add(node.start, `{${note}`, node.end, '}')
  }
  const expression = (/** @type {Node} */ node, range = node) =>
    around.add(node.start, `($note(${block(range)}),`, node.end, ')')

  walk(parse(file, text), ({ node, parent, key }) => {
    if (isFunction(node) && node.body) {
      if (node.body.type === 'BlockStatement') statement(node.body, node)
      else expression(node.body, node)
    } else if (node.type === 'LogicalExpression') expression(node.right)
    else if (node.type === 'ConditionalExpression') {
      expression(node.consequent)
      expression(node.alternate)
    } else if (node.type === 'IfStatement') {
      statement(node.consequent)
      if (node.alternate && node.alternate.type !== 'IfStatement') statement(node.alternate)
    } else if (/^(For|While|DoWhile)/.test(node.type)) statement(node.body)
    else if (node.type === 'BlockStatement' && (parent?.type === 'CatchClause' || key === 'finalizer')) {
      statement(node)
    } else if (node.type === 'SwitchCase' && node.consequent.length > 0) {
      around.add(node.consequent[0].start, `$note(${block(node)});`, node.end, '')
    }
  })
  return { text: prologue(file, blocks.length) + around.into(text), blocks }
}

/** Texts to be put around parts of another one, where parts may begin or end at the same place. */
class Insertions {
  /** @type {{ at: number, rank: number, text: string }[]} */
  #all = []

  /** What is added later lies within what was added before, or beside it. */
  add(
    /** @type {number} */ start,
    /** @type {string} */ before,
    /** @type {number} */ end,
    /** @type {string} */ after,
  ) {
    const rank = this.#all.length + 1
    // At one place, what ends there comes first, the inner before the outer; what begins there the other way round.
    this.#all.push({ at: start, rank, text: before }, { at: end, rank: -rank, text: after })
  }

  into(/** @type {string} */ text) {
    let [done, from] = ['', 0]
    for (const { at, text: inserted } of this.#all.sort((a, b) => a.at - b.at || a.rank - b.rank)) {
      done += text.slice(from, at) + inserted
      from = at
    }
    return done + text.slice(from)
  }
}

const prologue = (/** @type {string} */ file, /** @type {number} */ count) => `
var $seen = new Uint8Array(${count}), $notes = process.env.${NOTES}, $files = process.getBuiltinModule('node:fs')
function $note(id: number): void {
  // Not there yet where modules import each other in a circle.
  if ($notes === undefined || $seen === undefined || $seen[id] !== 0) return
  $seen[id] = 1
  $files.appendFileSync($notes, ${JSON.stringify(`${file} `)} + id + '\\n')
}
$note(0)
`

/**
 * The innermost block around a place.
 * @param {Block[]} blocks
 * @param {{ start: number, end: number }} place
 */
export function blockAt(blocks, { start, end }) {
  let best = blocks[0]
  for (const block of blocks) {
    if (block.start <= start && end <= block.end && best && block.end - block.start < best.end - best.start)
      best = block
  }
  return best?.id ?? 0
}
