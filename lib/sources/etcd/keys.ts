/** The keys of a service, `prefix/service/id`, and what goes over the wire for them. */
import type { EtcdAccess } from './options.js'

export interface KeyRange {
  /** Of every key; it ends in a slash, so that the keys of `users2` are not among those of `users`. */
  readonly start: string
  /** The first text that is no such key any more: with "0", which comes after the slash. */
  readonly end: string
}

export function rangeOf({ prefix }: Pick<EtcdAccess, 'prefix'>, service: string): KeyRange {
  const start = `${withSlash(prefix)}${service}/`
  return { start, end: `${start.slice(0, -1)}0` }
}

const withSlash = (prefix: string): string => (prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`)

export const toBase64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64')

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

/** undefined: it is not base64. */
export function bytesOf(value: unknown): Buffer | undefined {
  // Empty is how the gateway writes what is empty: not at all.
  if (value === undefined) return Buffer.alloc(0)
  if (typeof value !== 'string' || !BASE64.test(value)) return undefined
  return Buffer.from(value, 'base64')
}

/** undefined: it is no UTF-8. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}
