/** A wall clock of its own for a process: libfaketime, which reads the offset from a file. No other process is touched. */
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const LIBRARIES = '/usr/lib'
const LIBRARY = 'faketime/libfaketime.so.1'

/** undefined where it is not installed. */
function findLibrary(): string | undefined {
  if (process.platform !== 'linux') return undefined
  // A folder for each architecture.
  const paths = readdirSync(LIBRARIES).map((folder) => join(LIBRARIES, folder, LIBRARY))
  return paths.find((path) => existsSync(path))
}

/** undefined where clocks can be set; else what is missing. */
export const whyNoFaketime = (): string | undefined =>
  findLibrary() === undefined ? 'libfaketime is missing' : undefined

export class FakeClock {
  readonly #path: string

  /** @param folder where its file is */
  constructor(folder: string) {
    this.#path = join(folder, 'clock')
    this.set(0)
  }

  /** For the process whose clock it is. Timers go on as they do where a wall clock is set: the monotonic clock is the machine's. */
  get environment(): Record<string, string> {
    return {
      LD_PRELOAD: findLibrary()!,
      FAKETIME_TIMESTAMP_FILE: this.#path,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    }
  }

  /** From now on its wall clock is this much before the machine's, or behind. */
  set(offsetSeconds: number): void {
    // Replaced whole: it is read at any time.
    writeFileSync(`${this.#path}.new`, `${offsetSeconds < 0 ? '' : '+'}${offsetSeconds}`)
    renameSync(`${this.#path}.new`, this.#path)
  }
}
