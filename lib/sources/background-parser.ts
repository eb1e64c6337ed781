import { Worker } from 'node:worker_threads'
import { yamlPath } from '../runtime/lazy.js'
import type { TimerHandle, Timers } from '../runtime/timers.js'
import { MAX_ALIASES, NO_LIST } from './parse-list.js'

/** Without work for so long, in ms, its thread ends. */
const IDLE_MS = 10_000
/** A document that expands to more ends the thread, and nothing else. */
const MAX_MEMORY_MIB = 1_024

/** Text of a program, not a file: it has to be found from a bundle as well. As `parseList`, and answers with JSON or what is wrong. */
const PROGRAM = `
const { parentPort, workerData: { yaml, maxAliasCount, noList } } = require('node:worker_threads')
const parse = (text) => require(yaml).parse(text, { maxAliasCount })
const reasonOf = (error) => String((error && error.message) || error)
const valueOf = (text) => {
  if (!/^\\s*[[{]/.test(text)) {
    try {
      return parse(text)
    } catch (error) {
      throw new Error('it is no YAML: ' + reasonOf(error))
    }
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    try {
      return parse(text)
    } catch {
      throw new Error('it is no JSON: ' + reasonOf(error))
    }
  }
}
parentPort.on('message', (text) => {
  try {
    const value = valueOf(text)
    const list = Array.isArray(value) ? value : value && value.endpoints
    if (!Array.isArray(list)) throw new Error(noList)
    parentPort.postMessage({ json: JSON.stringify(list) })
  } catch (error) {
    parentPort.postMessage({ fault: reasonOf(error) })
  }
})
`

interface Answer {
  readonly json?: string
  readonly fault?: string
}

/** Parses long documents in a thread of its own, which is there while there is something to parse, and a while after. */
export class BackgroundParser {
  readonly #timers: Timers
  #worker: Worker | undefined
  #idle: TimerHandle | undefined

  constructor(timers: Timers) {
    this.#timers = timers
  }

  /**
   * The list of endpoints in `text`, as JSON. One document at a time.
   * @throws Error which says what is wrong
   */
  async toJson(text: string, signal: AbortSignal): Promise<string> {
    this.#idle?.cancel()
    const worker = this.#started()
    try {
      const { json, fault } = await answerOf(worker, text, signal)
      if (json === undefined) throw new Error(fault)
      return json
    } finally {
      // Whatever it is at, nobody waits for that.
      if (signal.aborted) this.stop()
      else this.#idle = this.#timers.after(IDLE_MS, () => this.stop())
    }
  }

  stop(): void {
    this.#idle?.cancel()
    void this.#worker?.terminate()
    this.#worker = undefined
  }

  #started(): Worker {
    if (this.#worker !== undefined) return this.#worker
    const worker = new Worker(PROGRAM, {
      eval: true,
      workerData: { yaml: yamlPath(), maxAliasCount: MAX_ALIASES, noList: NO_LIST },
      resourceLimits: { maxOldGenerationSizeMb: MAX_MEMORY_MIB },
      execArgv: [],
    })
    worker.unref()
    worker.on('error', () => {})
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = undefined
    })
    this.#worker = worker
    return worker
  }
}

function answerOf(worker: Worker, text: string, signal: AbortSignal): Promise<Answer> {
  let stop = () => {}
  const answer = new Promise<Answer>((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    const onError = (error: Error) => reject(new Error(`it cannot be parsed: ${error.message}`))
    const onExit = () => reject(new Error('it cannot be parsed: the thread for it has ended'))
    stop = () => {
      signal.removeEventListener('abort', onAbort)
      worker.off('message', resolve).off('error', onError).off('exit', onExit)
    }
    worker.on('message', resolve).on('error', onError).on('exit', onExit)
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    else worker.postMessage(text)
  })
  return answer.finally(() => stop())
}
