import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Answer, Order, Sample } from './case.js'
import type { EngineKind } from './result.js'

const CHILD = fileURLToPath(new URL('./child.js', import.meta.url))
/** A case that neither answers nor ends within this is broken. */
const ANSWER_TIMEOUT_MS = 120_000
const CLOSE_TIMEOUT_MS = 5_000

interface Start {
  /** URL of the compiled module that exports `prepare`. */
  module: URL
  /** Plain data for `prepare`. */
  parameters: unknown
  /** FAIRLEAD_ENGINE of the process. */
  engine?: EngineKind
}

/** One case in a process of its own, so that no case compiles, allocates or collects garbage for another. */
export class CaseProcess {
  readonly name: string
  /** What the case said when it was set up. */
  ready: Sample = {}
  readonly #child: ChildProcess
  #pending: { resolve: (sample: Sample) => void; reject: (error: Error) => void } | undefined
  #stderr = ''

  private constructor(name: string, child: ChildProcess) {
    this.name = name
    this.#child = child
    child.stderr?.on('data', (chunk) => {
      this.#stderr += chunk
    })
    child.on('message', (answer: Answer) => {
      if ('error' in answer) this.#settle(new Error(`${name}: ${answer.error}`))
      else this.#settle(answer.sample)
    })
    child.on('error', (error) => this.#settle(error))
    child.on('exit', (code, signal) => {
      this.#settle(
        new Error(`${name}: its process ended (${signal ?? `exit code ${code}`})\n${this.#stderr}`),
      )
    })
  }

  /** Resolves when the case is set up. */
  static async start(name: string, { module, parameters, engine }: Start): Promise<CaseProcess> {
    const env = engine === undefined ? process.env : { ...process.env, FAIRLEAD_ENGINE: engine }
    const child = fork(CHILD, [module.href, JSON.stringify(parameters)], {
      env,
      // A case prints nothing; what it prints all the same is shown when it fails.
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'advanced',
    })
    const started = new CaseProcess(name, child)
    try {
      started.ready = await started.#next()
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    }
    return started
  }

  /** Measures one slice. */
  slice(input?: unknown): Promise<Sample> {
    const next = this.#next()
    this.#child.send({ slice: input } satisfies Order)
    return next
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()))
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), CLOSE_TIMEOUT_MS)
    if (this.#child.connected) this.#child.send({ close: true } satisfies Order)
    await ended
    clearTimeout(timer)
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()))
    this.#child.kill('SIGKILL')
    await ended
  }

  #next(): Promise<Sample> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.#settle(new Error(`${this.name}: no answer within ${ANSWER_TIMEOUT_MS} ms`)),
        ANSWER_TIMEOUT_MS,
      )
      this.#pending = {
        resolve: (sample) => {
          clearTimeout(timer)
          resolve(sample)
        },
        reject: (error) => {
          clearTimeout(timer)
          reject(error)
        },
      }
    })
  }

  #settle(outcome: Sample | Error): void {
    const pending = this.#pending
    this.#pending = undefined
    if (outcome instanceof Error) pending?.reject(outcome)
    else pending?.resolve(outcome)
  }
}
