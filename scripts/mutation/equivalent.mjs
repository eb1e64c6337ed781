// Mutants that were looked at one by one and change nothing that anybody could notice.
import { readFileSync } from 'node:fs'

/** @typedef {{ file: string, source: string, was: string, text: string, reason: string }} Equivalent */

/** @type {Equivalent[]} by file and text, since lines move */
const LIST = JSON.parse(readFileSync(new URL('equivalent.json', import.meta.url), 'utf8'))

const keyOf = (/** @type {Omit<Equivalent, 'reason'>} */ { file, source, was, text }) =>
  [file, source, was, text].join('\0')
const KEYS = new Set(LIST.map(keyOf))

/** @param {import('./mutants.mjs').Mutant} mutant */
export const isEquivalent = (mutant) => KEYS.has(keyOf(mutant))

/**
 * @param {import('./mutants.mjs').Mutant[]} mutants all that there are
 * @returns {Equivalent[]} entries of the list that no mutant answers to any more: to be taken out
 */
export function unused(mutants) {
  const there = new Set(mutants.map(keyOf))
  return LIST.filter((one) => !there.has(keyOf(one)))
}
