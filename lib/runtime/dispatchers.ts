/**
 * Dispatchers of users' own, in the place of fairlead's connections. Objects and functions do not go from thread to thread:
 * those that are given directly stand under a symbol, which serialization leaves out, and keep a balancer from being
 * shared; factories that each thread registers by name may be used over threads.
 */
import type { Dispatcher } from 'undici'
import type { DispatcherFactory } from '../model/index.js'

/** Where an endpoint or a service's client options keep what was given directly. */
const GIVEN: unique symbol = Symbol('fairlead.dispatcher')

interface Holder {
  readonly [GIVEN]?: Dispatcher | DispatcherFactory
}

const factories = new Map<string, DispatcherFactory>()

export const dispatcherFactory = (name: string): DispatcherFactory | undefined => factories.get(name)

export const dispatcherFactoryNames = (): string[] => [...factories.keys()]

export function registerDispatcherFactory(name: string, factory: DispatcherFactory): void {
  factories.set(name, factory)
}

/** A copy of `record` that has it; the record itself where nothing was given. */
export function withGiven<T extends object>(
  record: T,
  given: Dispatcher | DispatcherFactory | undefined,
): T & Holder {
  return given === undefined ? record : { ...record, [GIVEN]: given }
}

/** The dispatcher, or the factory, that was given directly. */
export const givenTo = (record: object): Dispatcher | DispatcherFactory | undefined =>
  (record as Holder)[GIVEN]

export const isDispatcher = (value: unknown): value is Dispatcher =>
  typeof value === 'object' && value !== null && typeof (value as Dispatcher).dispatch === 'function'
