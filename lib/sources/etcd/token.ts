/** The token of etcd's authentication, which stands for a user and a password for some minutes. */
import { readFile } from 'node:fs/promises'
import { GRPC, RefusedError } from './errors.js'
import type { EtcdAnswer } from './etcd-answer.js'
import type { EtcdAccess } from './options.js'

export class EtcdToken {
  readonly #options: Pick<EtcdAccess, 'username' | 'passwordFile'>
  #token: string | undefined

  constructor(options: Pick<EtcdAccess, 'username' | 'passwordFile'>) {
    this.#options = options
  }

  forget(): void {
    this.#token = undefined
  }

  /** undefined: none is needed, as far as is known. */
  async get(authenticate: (message: object) => Promise<EtcdAnswer>): Promise<string | undefined> {
    const { username, passwordFile } = this.#options
    if (this.#token !== undefined || username === undefined || passwordFile === undefined) return this.#token
    const password = (await readFile(passwordFile, 'utf8')).replace(/\r?\n$/, '')
    try {
      const { answer, name } = await authenticate({ name: username, password })
      if (typeof answer.token !== 'string' || !/^[\x21-\x7e]+$/.test(answer.token))
        throw new Error(`${name} answers without a token`)
      this.#token = answer.token
    } catch (error) {
      // Authentication is not enabled: then nobody asks for a token.
      if (!(error instanceof RefusedError) || error.grpcCode !== GRPC.failedPrecondition) throw error
    }
    return this.#token
  }
}
