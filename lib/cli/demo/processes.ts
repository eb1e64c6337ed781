/** The parent's side of the demonstration's processes: none outlives the command. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const running = new Set<ChildProcess>()
/** Eight processes start at once, on a machine that may be busy. */
const START_LIMIT_MS = 60_000

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** One child process that speaks in messages. What it does not answer, and how it ends, is an error of the caller's. */
export class Peer<In extends { readonly type: string }, Out> {
  readonly #child: ChildProcess
  readonly #name: string
  #expectedEnd = false
  /** Rejects when the process ends by itself. */
  readonly failed: Promise<never>

  /** @param module as seen from this file */
  constructor(module: './server.js' | './client.js' | './overload/client.js', name: string, job: unknown) {
    this.#name = name
    this.#child = fork(fileURLToPath(new URL(module, import.meta.url)), [JSON.stringify(job)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    running.add(this.#child)
    this.failed = new Promise((_, reject) => {
      this.#child.once('error', reject)
      this.#child.once('exit', (code, signal) => {
        running.delete(this.#child)
        if (!this.#expectedEnd)
          reject(new Error(`the process of ${name} ended by itself (${signal ?? `exit code ${code}`})`))
      })
    })
    // Whoever waits sees it; nobody waits all the time.
    this.failed.catch(() => {})
  }

  send(message: Out): void {
    // A child that has just died says so by `failed`.
    this.#child.send(message as object, () => {})
  }

  onMessage(listener: (message: In) => void): void {
    this.#child.on('message', listener as (message: unknown) => void)
  }

  /** The next message of a type. */
  next<T extends In['type']>(type: T, limitMs = START_LIMIT_MS): Promise<Extract<In, { type: T }>> {
    const arrived = new Promise<Extract<In, { type: T }>>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`the process of ${this.#name} did not say "${type}" within ${limitMs} ms`))
      }, limitMs)
      this.#child.on('message', (message) => {
        if ((message as In).type !== type) return
        clearTimeout(timer)
        resolve(message as Extract<In, { type: T }>)
      })
      this.failed.catch(() => clearTimeout(timer))
    })
    return Promise.race([arrived, this.failed])
  }

  /** Kills it as a crash would; resolves when it is gone. */
  kill(): Promise<void> {
    this.#expectedEnd = true
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return Promise.resolve()
    return new Promise((resolve) => {
      this.#child.once('exit', () => resolve())
      this.#child.kill('SIGKILL')
    })
  }
}
