/** The items of a list in a JSON document, told apart without parsing them: most are as in the document before. */

/** What stands around the list. More than this is left to a parser of the whole. */
const MAX_FRAME = 65_536
/** Items between two yields: well below a millisecond. */
const STEP = 64

const [QUOTE, COMMA, BACKSLASH] = ['"', ',', '\\'].map((one) => one.charCodeAt(0))
const [OPEN_LIST, CLOSE_LIST, OPEN, CLOSE, COLON] = ['[', ']', '{', '}', ':'].map((one) => one.charCodeAt(0))
/** Of white space in JSON the last character. */
const SPACE = 0x20

/**
 * The values of the list that `text` is, or that is its `endpoints`. `parseItem` makes the value of an item's text.
 * @throws where it is anything else, or no JSON: what exactly is for a parser of the whole to say
 */
export function* jsonItems(
  text: string,
  parseItem: (item: string) => unknown,
): Generator<undefined, unknown[]> {
  const begin = listIn(text)
  const values: unknown[] = []
  let at = afterSpace(text, begin + 1)
  if (text.charCodeAt(at) !== CLOSE_LIST)
    for (at = begin; text.charCodeAt(at) !== CLOSE_LIST; ) {
      const end = endOfValue(text, at + 1)
      values.push(parseItem(text.slice(at + 1, end)))
      at = end
      if (text.charCodeAt(at) === CLOSE) throw new SyntaxError('a list ends as an object')
      if (values.length % STEP === 0) yield
    }
  checkFrame(text.slice(0, begin), text.slice(at + 1))
  return values
}

/** Where the list begins. */
function listIn(text: string): number {
  const begin = afterSpace(text, 0)
  if (text.charCodeAt(begin) === OPEN_LIST) return begin
  let at = begin
  while (text.charCodeAt(at) === (at === begin ? OPEN : COMMA)) {
    const key = afterSpace(text, at + 1)
    if (text.charCodeAt(key) !== QUOTE) break
    const end = endOfString(text, key)
    const colon = afterSpace(text, end + 1)
    if (text.charCodeAt(colon) !== COLON) break
    const value = afterSpace(text, colon + 1)
    if (text.slice(key + 1, end) === 'endpoints' && text.charCodeAt(value) === OPEN_LIST) return value
    at = endOfValue(text, value)
  }
  throw new SyntaxError('it is neither a list nor an object with one')
}

/** What stands around the list is JSON, and names no other one. */
function checkFrame(before: string, after: string): void {
  if (before.length + after.length > MAX_FRAME) throw new RangeError('there is much beside the list')
  const frame = JSON.parse(`${before}[]${after}`) as unknown
  if (Array.isArray(frame)) return
  const text = before + after
  if (text.includes('\\') || text.split('"endpoints"').length !== 2)
    throw new SyntaxError('it may have several lists of endpoints')
}

function afterSpace(text: string, from: number): number {
  let at = from
  while (text.charCodeAt(at) <= SPACE) at++
  return at
}

/** Position of the quote that ends the string that begins at `from`. */
function endOfString(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++
    if (slashes % 2 === 0) return end
  }
  throw new SyntaxError('a string has no end')
}

/** Position of the comma or bracket after the value that begins at `from`. */
function endOfValue(text: string, from: number): number {
  let depth = 0
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = endOfString(text, at)
    else if (code === OPEN_LIST || code === OPEN) depth++
    else if (code === CLOSE_LIST || code === CLOSE) {
      if (depth-- === 0) return at
    } else if (code === COMMA && depth === 0) return at
  }
  throw new SyntaxError('a value has no end')
}
