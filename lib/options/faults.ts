import { ConfigError, type ConfigFault } from '../errors.js'

/** Collects every fault of a configuration, so that the user sees them all at once. */
export class Faults {
  readonly #list: ConfigFault[] = []
  /** One field may break several checks that share a message. */
  readonly #seen = new Set<string>()

  /** Paths whose value could not be taken over at all. */
  readonly #refused = new Set<string>()

  /** As `add`; whatever else is said of this path later only follows from it. */
  refuse(path: string, message: string): void {
    this.add(path, message)
    this.#refused.add(path)
  }

  add(path: string, message: string): void {
    if (this.#refused.has(path)) return
    const key = `${path}\n${message}`
    if (this.#seen.has(key)) return
    this.#seen.add(key)
    this.#list.push({ path, message })
  }

  get count(): number {
    return this.#list.length
  }

  /** @throws ConfigError with all faults, if there is one. */
  throwIfAny(): void {
    if (this.#list.length > 0) throw new ConfigError(this.#list)
  }
}

const PLAIN_KEY = /^[A-Za-z_$][\w$-]*$/

/** The path of one key below `path`: `services.users.endpoints[1]`, and `services["users:8080"]` where a dot would mislead. */
export function join(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`
  if (!PLAIN_KEY.test(key)) return `${path}[${JSON.stringify(key)}]`
  return path === '' ? key : `${path}.${key}`
}
