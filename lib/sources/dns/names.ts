/** Names as they are asked for: ASCII, without the dot at the end. */

const MAX_NAME_LENGTH = 253
const NAME = /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/i

/** Letters, digits, hyphens and underscores only: what comes from a server and passes can go into a URL or a header. */
export const isName = (name: string): boolean => name.length <= MAX_NAME_LENGTH && NAME.test(name)

export const withoutDot = (name: string): string => (name.endsWith('.') ? name.slice(0, -1) : name)

/**
 * The names to ask for, in order, as resolv.conf(5) has it: one with at least `ndots` dots is tried as it is first, one
 * with fewer last; one that ends in a dot is tried as it is only. What gets too long with a search domain is left out.
 */
export function namesToTry(name: string, search: readonly string[], ndots: number): string[] {
  if (name.endsWith('.')) return [withoutDot(name)]
  const searched = search.map((domain) => `${name}.${withoutDot(domain)}`).filter(isName)
  const dots = name.split('.').length - 1
  return [...new Set(dots >= ndots ? [name, ...searched] : [...searched, name])]
}
