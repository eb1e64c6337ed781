/** Freezes copied plain data; bytes cannot be frozen. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || Object.isFrozen(value))
    return value
  Object.freeze(value)
  for (const item of Object.values(value)) deepFreeze(item)
  return value
}
