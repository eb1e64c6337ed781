// The load of one thread: an open loop, by every way of sending, from callers of every kind. Counts what becomes of each request.
import { getEventListeners, setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { request as undiciRequest } from 'undici'
import { seeded } from '../../support/seeded.mjs'
import { COUNT, EXPECTED_CODES, SERVICES, THREADS } from './plan.mjs'

const TICK_MS = 5
/** A thread that was held sends no more at once than what was due in this time. */
const MOST_AT_ONCE_MS = 250
const PATIENCE_MS = { least: 200, most: 1_500 }
const TIERS = 4
export const WAYS = ['fetch', 'request', 'dispatch', 'acquire']
/** `fetch` leaves its listeners to the garbage collector, and the dispatcher is told by its controller. */
const signalOf = (way, signal) => (way === 'request' || way === 'acquire' ? signal : undefined)
const BODY = 'what is sent'.repeat(100)

export class Load {
  #balancer
  #dispatcher
  #counts
  #at
  #rates
  #below
  #unexpected
  #waiting = []
  /** One for many requests, as a service has that stops: what a request leaves on it stays. It never fires. */
  #never = new AbortController().signal

  /** @param unexpected is told of every error that should not be */
  constructor(balancer, { counts, rates, row, seed }, unexpected) {
    this.#balancer = balancer
    this.#dispatcher = balancer.dispatcher()
    this.#counts = counts
    this.#at = row * COUNT.WORDS
    this.#rates = rates
    this.#below = seeded(seed)
    this.#unexpected = unexpected
    setMaxListeners(0, this.#never)
  }

  /** Sends, at the rates that the main thread has written, until `isOver`. */
  async run(isOver) {
    const due = SERVICES.map(() => this.#below(100) / 100)
    for (let before = performance.now(); !isOver(); ) {
      await sleep(TICK_MS)
      const now = performance.now()
      const ms = Math.min(now - before, MOST_AT_ONCE_MS)
      before = now
      for (const [i] of SERVICES.entries()) {
        for (due[i] += (this.#rates[i] / THREADS) * (ms / 1_000); due[i] >= 1; due[i]--) this.#send(i)
        if (this.#rates[i] === 0) due[i] = 0
      }
    }
  }

  /** Sends a request in every way to a service whose places are taken, from callers that do not leave by themselves. */
  wait(name, mayLeave) {
    const index = SERVICES.findIndex((service) => service.name === name)
    this.#waiting = WAYS.map((way) => {
      const abort = mayLeave ? new AbortController() : undefined
      const usual = { ...this.#draw(SERVICES[index]), pick: {}, method: 'GET', body: undefined }
      clearTimeout(usual.timer)
      const request = {
        ...usual,
        way,
        kind: 'no',
        abort,
        signal: abort?.signal ?? signalOf(way, this.#never),
      }
      return { abort, end: this.#send(index, request) }
    })
  }

  /** The callers of those leave. */
  leave() {
    for (const { abort } of this.#waiting) abort?.abort(new Error('the caller has gone'))
  }

  /** How those ended. */
  waited() {
    return Promise.all(this.#waiting.map(({ end }) => end))
  }

  /** What is left of requests that have ended: listeners of the signal, and connections. */
  leftovers() {
    const connections = { open: 0, idle: 0, connecting: 0, waiting: 0 }
    for (const { endpoints } of Object.values(this.#balancer.stats().services))
      for (const { connections: own } of Object.values(endpoints))
        for (const key of Object.keys(connections)) connections[key] += own[key]
    return { listeners: getEventListeners(this.#never, 'abort').length, connections }
  }

  #add(field) {
    Atomics.add(this.#counts, this.#at + field, 1)
  }

  /** @returns how it ended */
  async #send(index, request = this.#draw(SERVICES[index])) {
    this.#add(COUNT.SENT)
    try {
      await this[request.way](request)
      this.#add(COUNT.ANSWERED)
      if (performance.now() - request.begun <= request.patienceMs) this.#add(COUNT.GOOD + index)
      return 'answered'
    } catch (error) {
      if (request.abort?.signal.aborted && error === request.abort.signal.reason) {
        this.#add(COUNT.ABORTED)
        return 'aborted'
      }
      this.#failed(request, error)
      return 'failed'
    } finally {
      clearTimeout(request.timer)
    }
  }

  #failed(request, error) {
    this.#add(COUNT.FAILED)
    const code = error?.cause?.code ?? error?.code ?? String(error)
    const known = EXPECTED_CODES.indexOf(code)
    if (known >= 0) this.#add(COUNT.CODES + known)
    if (known < 0 || (code === 'FAIRLEAD_DEADLINE' && request.pick.deadlineMs === undefined))
      this.#unexpected(
        `${request.way} (${request.kind} deadline): ${error?.stack ?? error}, ${error?.cause?.stack ?? ''}`,
      )
  }

  /** A request as chance has it. */
  #draw({ name, meanMs }) {
    const below = this.#below
    const kind = ['known', 'signal', 'no'][below(3)]
    const way = WAYS[below(WAYS.length)]
    const patienceMs = PATIENCE_MS.least + below(PATIENCE_MS.most - PATIENCE_MS.least)
    const isPost = below(10) === 0
    const request = {
      name,
      meanMs,
      kind,
      way,
      patienceMs,
      begun: performance.now(),
      pick: { priority: below(TIERS), ...(kind === 'known' && { deadlineMs: patienceMs }) },
      method: isPost ? 'POST' : 'GET',
      body: isPost ? BODY : undefined,
      signal: kind === 'no' ? signalOf(way, this.#never) : undefined,
      abort: undefined,
      timer: undefined,
    }
    if (kind === 'signal') {
      const abort = new AbortController()
      const reason = new Error('the caller has gone')
      Object.assign(request, {
        abort,
        signal: abort.signal,
        timer: setTimeout(() => abort.abort(reason), patienceMs),
      })
    }
    return request
  }

  // The ways of sending.

  async fetch({ name, method, body, signal, pick }) {
    const response = await this.#balancer.fetch(`http://${name}/`, { method, body, signal, balance: pick })
    if (this.#below(20) === 0) await response.body?.cancel()
    else await response.arrayBuffer()
  }

  async request({ name, method, body, signal, pick }) {
    const send = () =>
      undiciRequest(`http://${name}/`, { dispatcher: this.#dispatcher, method, body, signal })
    const answer = await this.#balancer.with(pick, send)
    await answer.body.arrayBuffer()
  }

  /** Counts how often the handler is told of an end, which a promise would not show. */
  dispatch({ name, method, body, signal, pick }) {
    return new Promise((resolve, reject) => {
      let isOver = false
      let leave = () => {}
      const end = (settle, value) => {
        if (isOver) this.#add(COUNT.TWICE)
        isOver = true
        signal?.removeEventListener('abort', leave)
        settle(value)
      }
      const handler = {
        onRequestStart(controller) {
          signal?.removeEventListener('abort', leave)
          leave = () => controller.abort(signal.reason)
          signal?.addEventListener('abort', leave)
        },
        onResponseStart() {},
        onResponseData() {},
        onResponseEnd: () => end(resolve),
        onResponseError: (_controller, error) => end(reject, error),
      }
      const options = { origin: `http://${name}`, path: '/', method, body: body ?? null }
      this.#balancer.with(pick, () => this.#dispatcher.dispatch(options, handler))
    })
  }

  /** The place is used for as long as an answer takes; sent is nothing. */
  async acquire({ name, signal, pick: { priority, deadlineMs }, meanMs }) {
    const lease = await this.#balancer.acquire(name, { signal, priority, deadlineMs })
    await sleep(-Math.log(1 - this.#below(1e6) / 1e6) * meanMs)
    const how = this.#below(20)
    if (how === 0) lease[Symbol.dispose]()
    else if (how === 1) lease.end({ status: 500 })
    else lease.end({ ok: true })
  }
}
