import type { TimerHandle, Timers } from '../runtime/timers.js'
import { BackgroundParser } from './background-parser.js'
import { jsonItems } from './json-items.js'
import { isJson, parseList } from './parse-list.js'

/** A document of fewer characters is parsed at once. */
const LONG = 65_536
/** A turn of the event loop for a long one takes about so long, in ms. */
const TURN_MS = 2

/**
 * Reads the list of endpoints in one document after the other, as `parseList` does, but holds nobody up: a long JSON document is
 * taken apart in turns, and of its items only those parsed that the document before did not have. A long document that
 * is YAML, or that something is wrong with, goes to a thread of its own.
 */
export class ListReader {
  readonly #timers: Timers
  readonly #background: BackgroundParser
  /** Items of the last long document by their text. */
  #known: ReadonlyMap<string, unknown> = new Map()
  #turn: { timer: TimerHandle; go: () => void } | undefined
  #stopped = false

  constructor(timers: Timers) {
    this.#timers = timers
    this.#background = new BackgroundParser(timers)
  }

  /**
   * One document at a time.
   * @throws Error as `parseList` does
   */
  async read(text: string, signal: AbortSignal): Promise<readonly unknown[]> {
    if (text.length < LONG) return parseList(text)
    if (isJson(text)) {
      try {
        return await this.#items(text, signal)
      } catch {
        this.#throwIfOver(signal)
      }
    }
    return this.#items(await this.#background.toJson(text, signal), signal)
  }

  stop(): void {
    this.#stopped = true
    this.#background.stop()
    this.#turn?.timer.cancel()
    this.#turn?.go()
  }

  async #items(text: string, signal: AbortSignal): Promise<readonly unknown[]> {
    const known = this.#known
    const items = new Map<string, unknown>()
    const steps = jsonItems(text, (item) => {
      let value = known.get(item)
      // Not the slice itself, which keeps its whole document.
      const key = value === undefined ? copyOf(item) : item
      value ??= JSON.parse(item)
      items.set(key, value)
      return value
    })
    for (;;) {
      const end = this.#timers.now() + TURN_MS
      let step = steps.next()
      while (!step.done && this.#timers.now() < end) step = steps.next()
      if (step.done) {
        this.#known = items
        return step.value
      }
      await this.#nextTurn()
      this.#throwIfOver(signal)
    }
  }

  #throwIfOver(signal: AbortSignal): void {
    signal.throwIfAborted()
    if (this.#stopped) throw new Error('it is no longer read')
  }

  #nextTurn(): Promise<void> {
    return new Promise((go) => {
      this.#turn = { timer: this.#timers.after(0, go), go }
    })
  }
}

const copyOf = (slice: string): string => Buffer.from(slice, 'utf16le').toString('utf16le')
