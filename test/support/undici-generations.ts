/** Handlers of both generations that write down what they are told, and undici's own dispatchers to compare with. */
import { createRequire } from 'node:module'
import type { Dispatcher } from 'undici'
import { Agent } from 'undici'

const require = createRequire(import.meta.url)

/** undici 8 as a whole needs a newer Node than fairlead does; most of its parts load on every one. */
export const undici8 = <T>(part: string): T => require(`undici-8/lib/${part}.js`) as T

export interface Generation {
  readonly name: string
  /** In the order in which they are called. */
  readonly callbacks: readonly string[]
  /** The callback of an upgrade, and of the end of a request that failed. */
  readonly onUpgrade: string
  readonly onError: string
  /** undici's own, of the version that speaks this generation. */
  agent(): Dispatcher
}

export const FIRST: Generation = {
  name: 'undici 7',
  callbacks: [
    'onConnect',
    'onBodySent',
    'onRequestSent',
    'onResponseStarted',
    'onHeaders',
    'onData',
    'onComplete',
    'onUpgrade',
    'onError',
  ],
  onUpgrade: 'onUpgrade',
  onError: 'onError',
  agent: () => new Agent(),
}

export const SECOND: Generation = {
  name: 'undici 8',
  callbacks: [
    'onRequestStart',
    'onBodySent',
    'onRequestSent',
    'onResponseStarted',
    'onResponseStart',
    'onResponseData',
    'onResponseEnd',
    'onRequestUpgrade',
    'onResponseError',
  ],
  onUpgrade: 'onRequestUpgrade',
  onError: 'onResponseError',
  agent: () => new (undici8<new () => Dispatcher>('dispatcher/agent'))(),
}

/** The callbacks that return whether to go on reading. */
const READERS = ['onHeaders', 'onData']

/** Class and code of an error, as text: what a caller can tell errors apart by. */
export const classOf = (error: unknown): string => {
  const { name, code, message } = error as { name?: string; code?: string; message?: string }
  return [name, code, message].filter((part) => part !== undefined).join(' ')
}

/** A handler whose calls stand in `told`, with errors by class and code; that of the name `thrower` throws. */
export function recordingHandler(
  { callbacks }: Generation,
  thrower: string | undefined,
  onEnd: () => void,
): { handler: Record<string, (...args: unknown[]) => unknown>; told: string[] } {
  const told: string[] = []
  const handler: Record<string, (...args: unknown[]) => unknown> = {}
  for (const name of callbacks) {
    handler[name] = (...args) => {
      const error = args.find((arg) => arg instanceof Error)
      told.push(error === undefined ? name : `${name}: ${classOf(error)}`)
      if (name.endsWith('Error')) onEnd()
      if (name === thrower) throw new Error(`${name} broke`)
      if (name === 'onComplete' || name === 'onResponseEnd') onEnd()
      return READERS.includes(name) ? true : undefined
    }
  }
  return { handler, told }
}
