import { openSync, readFileSync, writeSync } from 'node:fs'

/** `read`: the endpoint may have acted on it. `refused`: the protocol told the client that it has not. */
export type Fate = 'read' | 'refused'

export interface LoggedRequest {
  readonly fate: Fate
  readonly method: string
  /** The client's name for the request, the same in each of its tries. */
  readonly id: string
}

/**
 * The requests that an endpoint has read, in a file: a line each, written at once, so that a process that is killed has
 * told of all of them.
 */
export class RequestLog {
  readonly #descriptor: number

  constructor(path: string) {
    this.#descriptor = openSync(path, 'a')
  }

  add({ fate, method, id }: LoggedRequest): void {
    writeSync(this.#descriptor, `${fate} ${method} ${id}\n`)
  }

  static read(path: string): LoggedRequest[] {
    const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1)
    return lines.map((line) => {
      const [fate, method, id] = line.split(' ')
      return { fate: fate as Fate, method, id }
    })
  }
}
