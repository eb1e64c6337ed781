/**
 * Whether `given`, which may be anything, says what `known` says: plain data that was copied. Keys whose value is undefined say
 * nothing, as in a copy. Where it is no plain data the answer is false. May throw where reading `given` does.
 */
export function sameData(given: unknown, known: unknown): boolean {
  if (given === known) return true
  if (typeof given !== 'object' || typeof known !== 'object' || given === null || known === null)
    return Number.isNaN(given) && Number.isNaN(known)
  const prototype: unknown = Object.getPrototypeOf(given)
  if (prototype === Object.prototype || prototype === null)
    return sameRecord(given as Record<string, unknown>, known as Record<string, unknown>)
  if (Array.isArray(given)) return sameItems(given, known)
  return given instanceof Uint8Array && known instanceof Uint8Array && Buffer.compare(given, known) === 0
}

/** Asked of each endpoint of a list: keys are counted, so that nobody has to ask whose they are. */
function sameRecord(given: Record<string, unknown>, known: Record<string, unknown>): boolean {
  if (Array.isArray(known) || known instanceof Uint8Array) return false
  let left = 0
  for (const _ in known) left++
  for (const key in given) {
    const value = given[key]
    if (value === undefined) continue
    if (value !== known[key] && !sameData(value, known[key])) return false
    left--
  }
  return left === 0
}

function sameItems(given: readonly unknown[], known: unknown): boolean {
  if (!Array.isArray(known) || given.length !== known.length) return false
  for (let i = 0; i < known.length; i++) if (!sameData(given[i], known[i])) return false
  return true
}
