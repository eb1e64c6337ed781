/** Values that come from outside, a handle's above all: read once, whatever they are, and named in messages. */
import { types } from 'node:util'

const LONGEST_SHOWN = 40

/** The value of each field, read once; undefined where `value` is no object, or its fields cannot be read. */
export function fieldsOf<Field extends string>(
  value: unknown,
  fields: readonly Field[],
): Readonly<Record<Field, unknown>> | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  try {
    const entries = fields.map((field) => [field, (value as Record<Field, unknown>)[field]])
    return Object.fromEntries(entries) as Record<Field, unknown>
  } catch {
    // A getter that throws, a Proxy that is revoked.
    return undefined
  }
}

/** The elements of an array of at most `most`, each read once; undefined where it is none, or cannot be read. */
export function elementsOf(value: unknown, most: number): readonly unknown[] | undefined {
  try {
    if (!Array.isArray(value)) return undefined
    const { length } = value
    if (!(length <= most)) return undefined
    return Array.from({ length }, (_, i) => value[i] as unknown)
  } catch {
    return undefined
  }
}

const getterOf = (name: string): (() => unknown) | undefined =>
  Object.getOwnPropertyDescriptor(SharedArrayBuffer.prototype, name)?.get
const growable = getterOf('growable')
const maxByteLength = getterOf('maxByteLength')

/** Whether it is shared memory, whatever its prototype and properties say; growable or not. */
export const isSharedMemory = (value: unknown): value is SharedArrayBuffer => types.isSharedArrayBuffer(value)

/** Whether it is shared memory that grows up to so many bytes. */
export const isGrowableMemory = (value: unknown, most: number): value is SharedArrayBuffer =>
  isSharedMemory(value) && growable?.call(value) === true && maxByteLength?.call(value) === most

/** Whether it is shared memory of a size that never changes. */
export const isFixedMemory = (value: unknown): value is SharedArrayBuffer =>
  isSharedMemory(value) && growable?.call(value) !== true

/** Of shared memory, whatever its own properties say. */
export const bytesOf = (memory: SharedArrayBuffer): number => new Uint8Array(memory).byteLength

/** A value as part of a message: short, and never a failure of its own. */
export function show(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(value.length > LONGEST_SHOWN ? `${value.slice(0, LONGEST_SHOWN)}...` : value)
  }
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return String(value)
  if (types.isProxy(value)) return 'a Proxy'
  if (isSharedMemory(value)) return `${bytesOf(value)} bytes of shared memory`
  if (Array.isArray(value)) return `an array of ${value.length}`
  try {
    return `an object (${Object.prototype.toString.call(value)})`
  } catch {
    return 'an object'
  }
}

/** What an error says, whatever was thrown: never a failure of its own. */
export function reasonOf(error: unknown, otherwise = 'what was thrown cannot be read'): string {
  try {
    return error instanceof Error ? String(error.message) : String(error)
  } catch {
    return otherwise
  }
}
