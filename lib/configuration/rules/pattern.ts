/** Patterns of service names, in which `*` stands for any run of characters, the empty one included. */

/**
 * Makes the test of one pattern. The parts between the stars are looked for from left to right, each once and as early as
 * it can be, which is enough because a star takes up any rest: no backtracking, so time grows with the length of the text.
 */
export function matcher(pattern: string): (text: string) => boolean {
  const parts = pattern.split('*')
  if (parts.length === 1) return (text) => text === pattern
  const first = parts[0]
  const last = parts[parts.length - 1]
  const middle = parts.slice(1, -1).filter((part) => part !== '')
  return (text) => {
    const end = text.length - last.length
    if (!text.startsWith(first) || !text.endsWith(last)) return false
    let from = first.length
    for (const part of middle) {
      const found = text.indexOf(part, from)
      if (found < 0) return false
      from = found + part.length
    }
    return from <= end
  }
}

/**
 * Order of two patterns, the more specific first: exact names, then more literal characters, then fewer stars, then
 * alphabetical, so that the order in which rules were given never matters.
 */
export function bySpecificity(a: string, b: string): number {
  const stars = starsIn(a) - starsIn(b)
  if (starsIn(a) === 0 || starsIn(b) === 0) return stars || compareText(a, b)
  const literals = b.length - starsIn(b) - (a.length - starsIn(a))
  return literals || stars || compareText(a, b)
}

const starsIn = (pattern: string): number => pattern.split('*').length - 1

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
