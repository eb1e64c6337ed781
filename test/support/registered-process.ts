/** A process that serves and registers itself in etcd (child-with-endpoint.mjs, of dist). */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { until } from './until.js'

const CHILD = fileURLToPath(new URL('child-with-endpoint.mjs', import.meta.url))

export interface ChildOptions {
  readonly etcd: object
  readonly ttl?: number
  readonly delayMs?: number
  readonly quietMs?: number
  readonly port?: number
  readonly id?: string
}

export class RegisteredProcess {
  readonly messages: { readonly type: string; readonly reason?: string; readonly url?: string }[] = []
  readonly #child: ChildProcess

  private constructor(options: ChildOptions) {
    this.#child = fork(CHILD, [JSON.stringify(options)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    this.#child.on('message', (message) => this.messages.push(message as never))
  }

  /** Resolves once it is registered. */
  static async start(options: ChildOptions): Promise<RegisteredProcess> {
    const started = new RegisteredProcess(options)
    await until(() => started.messages.length > 0 || started.#child.exitCode !== null)
    if (started.#child.exitCode !== null) throw new Error('the process with an endpoint has ended')
    return started
  }

  get url(): string {
    return this.messages[0].url as string
  }

  get pid(): number {
    return this.#child.pid as number
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Resolves with the exit code; null where it was killed. */
  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return this.#child.exitCode
    const ended = once(this.#child, 'exit')
    this.#child.kill(signal)
    const [code] = await ended
    return code as number | null
  }
}
