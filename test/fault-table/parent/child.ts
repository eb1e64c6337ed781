import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { READY, type Reply } from '../orders.js'

/** Whoever does not answer within this, on a busy machine, is broken. */
const ANSWER_MS = 60_000
const STDERR_CHARACTERS = 2_000

interface Pending {
  resolve(result: unknown): void
  reject(error: Error): void
}

interface ChildOptions {
  readonly name: string
  /** The compiled module. */
  readonly module: string
  readonly parameters: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Its largest number of descriptors; the machine's own where it is left out. */
  readonly descriptors?: number
  /** What goes before its command. It is to become the command, so that signals reach it. */
  readonly prefix?: readonly string[]
}

/** Every child that runs now: whatever ends this process ends them. */
const running = new Set<Child>()
process.on('exit', () => {
  for (const child of running) child.signal('SIGKILL')
})

/** A child process of the run, which takes orders over the IPC channel. */
export class Child {
  readonly name: string
  /** How it ended, where that was not our doing. */
  end: string | undefined
  readonly #process: ChildProcess
  readonly #pending = new Map<number, Pending>()
  #orders = READY
  #stderr = ''
  #ending = false

  private constructor({ name, module, parameters, env, descriptors, prefix = [] }: ChildOptions) {
    this.name = name
    const command = [...prefix, process.execPath, '--enable-source-maps', module, ...parameters]
    const [program, args] =
      descriptors === undefined
        ? [command[0], command.slice(1)]
        : ['/bin/sh', ['-c', `ulimit -n ${descriptors} && exec "$0" "$@"`, ...command]]
    this.#process = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    running.add(this)
    this.#process.stderr?.on('data', (chunk) => {
      this.#stderr = `${this.#stderr}${chunk}`.slice(-STDERR_CHARACTERS)
    })
    this.#process.on('message', (reply: Reply) => this.#settle(reply))
    this.#process.on('error', (error) => this.#ended(error.message))
    this.#process.on('exit', (code, signal) => this.#ended(signal ?? `exit code ${code}`))
  }

  /** Resolves when it takes orders. */
  static async start(options: ChildOptions): Promise<Child> {
    const child = new Child(options)
    try {
      await child.#wait(READY, 'start')
    } catch (error) {
      child.signal('SIGKILL')
      throw error
    }
    return child
  }

  ask<Result>(name: string, input?: unknown): Promise<Result> {
    const id = ++this.#orders
    const answer = this.#wait(id, name)
    this.#process.send({ id, name, input }, (error) => {
      if (error !== null) this.#settle({ id, error: `${this.name}: ${error.message}` })
    })
    return answer as Promise<Result>
  }

  /** Sends a signal to this process, and to no other. */
  signal(signal: NodeJS.Signals): void {
    if (signal === 'SIGKILL') this.#ending = true
    this.#process.kill(signal)
  }

  /** Ends it, stopped or not. */
  async kill(): Promise<void> {
    if (!running.has(this)) return
    const ended = once(this.#process, 'exit')
    this.signal('SIGKILL')
    await ended
  }

  /** Asks it to end by SIGTERM. Resolves with its exit code, or the signal that ended it. */
  async terminate(): Promise<number | NodeJS.Signals> {
    const ended = once(this.#process, 'exit')
    this.#ending = true
    this.signal('SIGTERM')
    const [code, signal] = await ended
    return code ?? signal
  }

  #wait(id: number, what: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.end !== undefined) return reject(new Error(`${this.name} has ended: ${this.end}`))
      const timer = setTimeout(
        () => this.#settle({ id, error: `${this.name}: no answer to "${what}" within ${ANSWER_MS} ms` }),
        ANSWER_MS,
      )
      const settle = (then: () => void): void => {
        clearTimeout(timer)
        then()
      }
      this.#pending.set(id, {
        resolve: (result) => settle(() => resolve(result)),
        reject: (error) => settle(() => reject(error)),
      })
    })
  }

  #settle(reply: Reply): void {
    const pending = this.#pending.get(reply.id)
    this.#pending.delete(reply.id)
    if ('error' in reply) pending?.reject(new Error(reply.error))
    else pending?.resolve(reply.result)
  }

  #ended(how: string): void {
    running.delete(this)
    if (!this.#ending) this.end = `${how}\n${this.#stderr}`.trim()
    for (const id of [...this.#pending.keys()])
      this.#settle({ id, error: `${this.name} has ended: ${this.end ?? how}` })
  }
}
