/** What a request has gone through, which the caller finds as a property of its error. */
import { types } from 'node:util'
import type { FailedTry, RequestFailure } from '../model/index.js'

/** The tries of one request that failed. */
export class FailedTries {
  readonly #tries: FailedTry[] = []

  addLost(endpoint: string, error: unknown): void {
    this.#tries.push({ endpoint, code: codeOf(error) })
  }

  addRefused(endpoint: string, status: number): void {
    this.#tries.push({ endpoint, status })
  }

  /**
   * The error with `fairlead` as a property. It is the same object, unless that cannot be: undici fails all that wait for
   * one connection with one and the same error, and each request has a story of its own. Then it is a copy, of the same
   * class, with the same properties. What is no object, or frozen, stays as it is.
   */
  attachTo<T>(error: T, service: string): T {
    if (typeof error !== 'object' || error === null || !Object.isExtensible(error)) return error
    const own = Object.hasOwn(error, 'fairlead') && types.isNativeError(error) ? copyOf(error) : error
    const value: RequestFailure = { service, tries: [...this.#tries] }
    Object.defineProperty(own, 'fairlead', { value, enumerable: true, configurable: true, writable: true })
    return own as T
  }
}

/** `error.fairlead`, where there is one. */
export const failureOf = (error: unknown): RequestFailure | undefined =>
  (error as { fairlead?: RequestFailure } | null | undefined)?.fairlead

function codeOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown }
  if (typeof code === 'string') return code
  return typeof name === 'string' ? name : 'Error'
}

/** A true `Error`, which logs and `util.types` know as one, of the class and with the properties of the other. */
function copyOf<T extends Error>(error: T): T {
  const copy = new Error(error.message)
  Object.setPrototypeOf(copy, Object.getPrototypeOf(error))
  Object.defineProperties(copy, Object.getOwnPropertyDescriptors(error))
  return copy as T
}
