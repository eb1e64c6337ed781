/** An endpoint in etcd, kept there by a lease until it is removed. */
import { EventEmitter } from 'node:events'
import { ArgumentError, EndpointTakenError, RegistrationError } from '../errors.js'
import type { Endpoint, EndpointConfig } from '../model/index.js'
import { reasonOf } from '../runtime/foreign.js'
import { jittered, type TimerHandle, type Timers } from '../runtime/timers.js'
import { unharmed } from '../runtime/unharmed.js'
import { type CallOptions, EtcdClient } from '../sources/etcd/client.js'
import { GRPC, RefusedError } from '../sources/etcd/errors.js'
import { rangeOf } from '../sources/etcd/keys.js'
import { grantLease, isNotFound, keepLeaseAlive, type Lease, revokeLease } from './lease.js'
import { type EndpointRecord, parseRecord, type ResolvedRegistration } from './options.js'
import { OwnKey } from './own-key.js'
import { within } from './within.js'

/** Two of three may fail before the lease runs out. */
const BEATS_PER_TTL = 3
const JITTER = 0.1
const FIRST_RETRY_MS = 200
const MAX_RETRY_MS = 5_000
const REMOVE_MS = 5_000
/** After `register` was given up. */
const CLEAN_UP_MS = 1_000
/** Refusals that another try does not change. */
const FINAL: readonly (number | undefined)[] = [
  GRPC.invalidArgument,
  GRPC.permissionDenied,
  GRPC.failedPrecondition,
  GRPC.unauthenticated,
]

/** What a listener is told. */
export interface RegistrationEvent {
  readonly service: string
  readonly endpoint: Endpoint
  /** In words, for logs. */
  readonly reason: string
}

/** The events of a `Registration`. */
export interface RegistrationEvents {
  /** It is in etcd again, after it was lost. */
  registered: [event: RegistrationEvent]
  /** It is not in etcd any more, or nothing was heard of its lease for so long that it has run out. It is put anew as soon as it can be. */
  lost: [event: RegistrationEvent]
  /** It could not be kept or put anew; told once, until it could. */
  failed: [event: RegistrationEvent]
}

/** `removed`: by `remove`, for good. */
export type RegistrationState = 'registered' | 'lost' | 'removed'

/** An endpoint that this process has put into etcd, as `register` returns it. Emits `registered`, `lost` and `failed`. */
export class Registration extends EventEmitter<RegistrationEvents> {
  readonly service: string
  /** Of etcd. */
  readonly key: string
  readonly #options: ResolvedRegistration
  readonly #timers: Timers
  readonly #client: EtcdClient
  readonly #ownKey: OwnKey
  readonly #ending = new AbortController()
  #record: EndpointRecord
  #lease: Lease | undefined
  #state: RegistrationState = 'registered'
  #isFailing = false
  #failures = 0
  #beat: TimerHandle | undefined
  /** What is done one after another: keeping, putting anew, changing. */
  #turn: Promise<unknown> = Promise.resolve()
  #removing: Promise<boolean> | undefined

  /** @internal */
  constructor(options: ResolvedRegistration, timers: Timers) {
    super()
    const { etcd, service, ttl, record } = options
    this.service = service
    this.#options = options
    this.#timers = timers
    this.#record = record
    this.key = `${rangeOf(etcd, service).start}${record.endpoint.id}`
    // A server that hangs must leave time for the next before the lease runs out.
    const timeout = Math.min(etcd.timeout, Math.floor(ttl / BEATS_PER_TTL))
    this.#client = new EtcdClient({ ...etcd, timeout }, timers)
    this.#ownKey = new OwnKey(this.#client, this.key, service)
  }

  get state(): RegistrationState {
    return this.#state
  }

  get endpoint(): Endpoint {
    return this.#record.endpoint
  }

  /** @internal Resolves when the key is in etcd; where it rejects, nothing is left behind. */
  async begin(): Promise<void> {
    const { timeoutMs, signal } = this.#options
    try {
      await this.#putInTime(this.#record, timeoutMs, 'could not be registered', signal)
    } catch (error) {
      await this.remove({ timeoutMs: CLEAN_UP_MS })
      throw error
    }
    this.#beatAfter(this.#intervalMs)
  }

  /**
   * Changes what is registered: weight, zone, metadata, URL. The lease and the id stay; the id need not be given.
   * @throws ConfigError, ArgumentError where the id differs
   * @throws RegistrationError where etcd cannot be reached in time: then what was registered before stays
   */
  async update(endpoint: string | EndpointConfig): Promise<void> {
    const { id } = this.endpoint
    const record = parseRecord(endpoint, id)
    if (record.endpoint.id !== id)
      throw new ArgumentError(
        `the endpoint is registered as "${id}", and its id cannot be changed to "${record.endpoint.id}"; register that one by itself`,
      )
    await this.#putInTime(record, this.#options.timeoutMs, 'could not be changed')
    this.#record = record
    this.#isRegistered()
  }

  /**
   * Takes it out of etcd, for good. Never throws.
   * @returns false where etcd could not be reached within `timeoutMs` (5,000): then the key goes when the lease runs out
   */
  remove({ timeoutMs = REMOVE_MS }: { timeoutMs?: number } = {}): Promise<boolean> {
    this.#removing ??= this.#remove(timeoutMs)
    return this.#removing
  }

  async #remove(timeoutMs: number): Promise<boolean> {
    this.#state = 'removed'
    this.#beat?.cancel()
    this.#ending.abort(new RegistrationError(this.service, 'was removed; register it anew'))
    const lease = this.#lease
    try {
      if (lease !== undefined)
        await within(timeoutMs, [], (signal) =>
          this.#retried(signal, () => revokeLease(this.#client, lease, { signal })),
        )
      return true
    } catch {
      return false
    } finally {
      this.#client.close()
    }
  }

  async #putInTime(
    record: EndpointRecord,
    timeoutMs: number,
    what: string,
    signal?: AbortSignal,
  ): Promise<void> {
    let last: unknown
    const noteFailure = (error: unknown): void => {
      last = error
    }
    try {
      await within(timeoutMs, [signal, this.#ending.signal], (limited) =>
        this.#inTurn(() => this.#retried(limited, () => this.#put(record, { signal: limited }), noteFailure)),
      )
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof EndpointTakenError || error === this.#ending.signal.reason) throw error
      const why = last === undefined || isFinal(error) ? '' : `; at last: ${reasonOf(last)}`
      throw new RegistrationError(this.service, `${what}: ${reasonOf(error)}${why}`, { cause: last ?? error })
    }
  }

  /** Again and again until it works, is refused for good, or is given up. */
  async #retried(
    signal: AbortSignal,
    work: () => Promise<void>,
    noteFailure: (error: unknown) => void = () => {},
  ): Promise<void> {
    for (let failures = 1; ; failures++) {
      signal.throwIfAborted()
      try {
        return await work()
      } catch (error) {
        signal.throwIfAborted()
        if (isFinal(error)) throw error
        noteFailure(error)
      }
      await this.#pause(this.#retryMs(failures), signal)
    }
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#timers.after(ms, () => done())
      const done = (): void => {
        timer.cancel()
        signal.removeEventListener('abort', done)
        resolve()
      }
      signal.addEventListener('abort', done, { once: true })
    })
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => {})
    return turn
  }

  async #put(record: EndpointRecord, options: CallOptions): Promise<void> {
    this.#lease ??= await grantLease(this.#client, this.#timers, this.#options.ttl, options)
    try {
      await this.#ownKey.put(record, this.#lease.id, options)
    } catch (error) {
      // The next try needs another one.
      if (isNotFound(error)) this.#lease = undefined
      throw error
    }
  }

  get #intervalMs(): number {
    return jittered(this.#timers, this.#options.ttl / BEATS_PER_TTL, JITTER)
  }

  #retryMs(failures: number): number {
    const most = Math.min(
      MAX_RETRY_MS,
      this.#options.ttl / BEATS_PER_TTL,
      FIRST_RETRY_MS * 2 ** (failures - 1),
    )
    return (most / 2) * (1 + this.#timers.random())
  }

  #beatAfter(ms: number): void {
    if (this.#state !== 'removed') this.#beat = this.#timers.after(ms, () => void this.#keepUp())
  }

  async #keepUp(): Promise<void> {
    try {
      await this.#inTurn(() => this.#keep({ signal: this.#ending.signal, isBackground: true }))
      if (this.#state === 'removed') return
      this.#isRegistered()
      this.#beatAfter(this.#intervalMs)
    } catch (error) {
      if (this.#state === 'removed') return
      this.#failed(error)
      this.#beatAfter(this.#retryMs(++this.#failures))
    }
  }

  async #keep(options: CallOptions): Promise<void> {
    if (this.#lease !== undefined) {
      this.#lease = await keepLeaseAlive(this.#client, this.#timers, this.#lease, options)
      if (this.#lease === undefined) this.#lost('its lease has run out')
    }
    if (this.#lease !== undefined) {
      const found = await this.#ownKey.look(this.#record, this.#lease.id, options)
      if (found === 'own') return
      if (found === 'missing') this.#lost('its key is not in etcd any more')
      if (found === 'taken') this.#lost('another endpoint has its key')
    }
    if (this.#state !== 'removed') await this.#put(this.#record, options)
  }

  #isRegistered(): void {
    this.#failures = 0
    this.#isFailing = false
    if (this.#state !== 'lost') return
    this.#state = 'registered'
    this.#tell('registered', 'it is in etcd again')
  }

  #lost(reason: string): void {
    if (this.#state !== 'registered') return
    this.#state = 'lost'
    this.#tell('lost', reason)
  }

  #failed(error: unknown): void {
    if (this.#lease === undefined || this.#timers.now() >= this.#lease.aliveUntil)
      this.#lost('etcd has not answered for the life of its lease')
    if (this.#isFailing) return
    this.#isFailing = true
    this.#tell('failed', reasonOf(error))
  }

  #tell(type: keyof RegistrationEvents, reason: string): void {
    const event = { service: this.service, endpoint: this.endpoint, reason }
    unharmed(() => this.emit(type, event))
  }
}

const isFinal = (error: unknown): boolean =>
  error instanceof EndpointTakenError || (error instanceof RefusedError && FINAL.includes(error.grpcCode))
