import { isDispatcher } from '../runtime/dispatchers.js'
import { reasonOf } from '../runtime/foreign.js'
import { type Faults, join } from './faults.js'

/** Deeper than any configuration, far from the end of the stack. */
const MAX_DEPTH = 64
/** Longer than any list of endpoints; stops a sparse array of billions. */
const MAX_LENGTH = 1_000_000

type Key = string | number

/**
 * Copies plain data: objects, arrays, strings, numbers, booleans, null and bytes (certificates). So later changes of the
 * caller's objects change nothing, and each getter runs once, here, where it may throw. What is not plain data cannot go
 * to other threads either; it is reported, and left out of the copy, but for dispatchers, which stay in their thread. Keys whose value is undefined are left out too.
 */
export function copyPlain(input: unknown, path: string, faults: Faults): unknown {
  return new PlainCopy(path, faults).copy(input)
}

/** As `copyPlain`, of one item of the list that `path` names. */
export function copyItem(item: unknown, path: string, at: number, faults: Faults): unknown {
  return new PlainCopy(path, faults, at).copy(item)
}

class PlainCopy {
  readonly #root: string
  readonly #faults: Faults
  /** Where the walk is: keys, put together to a path only for a fault. */
  readonly #keys: Key[]
  /** How many keys deep the objects are that the walk is inside of. */
  readonly #inside = new Map<object, number>()
  /** Copies of objects met before, so that shared ones (YAML aliases) cost nothing twice. */
  readonly #done = new Map<object, unknown>()

  constructor(root: string, faults: Faults, ...keys: Key[]) {
    this.#root = root
    this.#faults = faults
    this.#keys = keys
  }

  copy(value: unknown): unknown {
    if (this.#isDispatcher(value)) return value
    if (typeof value === 'object' && value !== null) return this.#copyObject(value)
    if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') {
      return this.#refuse(
        `is a ${typeof value}; a configuration is plain data, because it goes to other threads`,
      )
    }
    return value
  }

  /** A user's dispatcher, or the function that makes one, where a configuration may have it: taken over as it is. */
  #isDispatcher(value: unknown): boolean {
    const keys = this.#keys
    if (keys.at(-1) !== 'dispatcher' || (typeof value !== 'function' && !isDispatcher(value))) return false
    const [first, , third] = keys
    return (
      keys.length === 1 ||
      (first === 'services' && keys.length === 4 && third === 'client') ||
      (first === 'services' && keys.length === 5 && third === 'endpoints')
    )
  }

  #copyObject(value: object): unknown {
    if (this.#done.has(value)) return this.#done.get(value)
    const outer = this.#inside.get(value)
    if (outer !== undefined) {
      return this.#refuse(`refers back to ${this.#path(outer) || 'the root'}; a configuration has no cycles`)
    }
    if (this.#keys.length >= MAX_DEPTH) return this.#refuse(`is nested more than ${MAX_DEPTH} levels deep`)
    this.#inside.set(value, this.#keys.length)
    try {
      const copy = this.#copyByKind(value)
      this.#done.set(value, copy)
      return copy
    } catch (error) {
      // A proxy may throw on any access.
      return this.#refuse(`cannot be read: ${reasonOf(error, 'reading it threw')}`)
    } finally {
      this.#inside.delete(value)
    }
  }

  #copyByKind(value: object): unknown {
    if (Array.isArray(value)) return this.#copyArray(value)
    if (isPlain(value)) return this.#copyRecord(value)
    if (value instanceof Uint8Array) return new Uint8Array(value)
    return this.#refuse(`is ${instanceName(value)}; a plain object was expected`)
  }

  #copyArray(value: readonly unknown[]): unknown {
    const { length } = value
    if (length > MAX_LENGTH) return this.#refuse(`has ${length} items; at most ${MAX_LENGTH} are allowed`)
    const copy: unknown[] = []
    for (let i = 0; i < length; i++) copy.push(this.#copyProperty(value, i))
    return copy
  }

  #copyRecord(value: object): unknown {
    const copy: Record<string, unknown> = {}
    for (const key of Object.keys(value)) {
      const item = this.#copyProperty(value, key)
      if (item === undefined) continue
      if (key !== '__proto__') copy[key] = item
      // Assigning to it would set the prototype instead of a key.
      else Object.defineProperty(copy, key, { value: item, enumerable: true })
    }
    return copy
  }

  #copyProperty(owner: object, key: Key): unknown {
    const depth = this.#keys.push(key)
    try {
      return this.copy(Reflect.get(owner, key))
    } catch (error) {
      return this.#refuse(`cannot be read: ${reasonOf(error, 'reading it threw')}`)
    } finally {
      this.#keys.length = depth - 1
    }
  }

  #path(depth: number): string {
    return this.#keys.slice(0, depth).reduce<string>(join, this.#root)
  }

  #refuse(message: string): undefined {
    this.#faults.refuse(this.#path(this.#keys.length), message)
    return undefined
  }
}

/** Object literals of any realm, module namespaces and `Object.create(null)`. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null || prototype === Object.prototype) return true
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'hasOwnProperty')
}

function instanceName(value: object): string {
  const name: unknown = value.constructor?.name
  return typeof name === 'string' && name !== '' ? `an instance of ${name}` : 'an instance of a class'
}
