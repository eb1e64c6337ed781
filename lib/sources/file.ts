/** Endpoints from a file, which is read again when it has changed. */
import { type FSWatcher, watch } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import type { TimerHandle, Timers } from '../runtime/timers.js'
import { ListReader } from './list-reader.js'
import type { ResolvedFile } from './options.js'
import { type Look, Poller } from './poller.js'
import type { RunningSource, SourceSink } from './source.js'

const MAX_BYTES = 64 * 2 ** 20
const READ_TIMEOUT_MS = 10_000
/** Writers make several changes at a time: a truncation, the text, the time. */
const SETTLE_MS = 10
/** One that is changed all the time is read this often all the same. */
const LONGEST_SETTLE_MS = 100

export function startFile(options: ResolvedFile, sink: SourceSink, timers: Timers): RunningSource {
  return new FileSource(options, sink, timers)
}

/**
 * Looks at the file each interval, and at once where the system tells of a change in its folder: a file that is replaced is
 * another one, and a Kubernetes ConfigMap is a link through a folder that is exchanged (`..data`).
 */
class FileSource implements RunningSource {
  readonly #path: string
  readonly #timers: Timers
  readonly #reader: ListReader
  readonly #poller: Poller
  #watcher: FSWatcher | undefined
  #settling: TimerHandle | undefined
  /** When it changed first since it was looked at. */
  #changedSince: number | undefined
  /** What it was when it was read last: another one where any of it differs. */
  #read = ''

  constructor({ path, interval }: ResolvedFile, sink: SourceSink, timers: Timers) {
    this.#path = path
    this.#timers = timers
    const polling = {
      intervalMs: interval,
      timeoutMs: READ_TIMEOUT_MS,
      look: (signal: AbortSignal) => this.#look(signal),
      refused: () => {
        this.#read = ''
      },
    }
    this.#reader = new ListReader(timers)
    this.#watch()
    this.#poller = new Poller(polling, sink, timers)
  }

  stop(): void {
    this.#settling?.cancel()
    this.#watcher?.close()
    this.#reader.stop()
    this.#poller.stop()
  }

  async #look(signal: AbortSignal): Promise<Look> {
    const file = await open(this.#path, 'r')
    try {
      const { mtimeNs, size, ino, dev } = await file.stat({ bigint: true })
      const seen = [dev, ino, size, mtimeNs].join()
      if (seen === this.#read) return { endpoints: undefined }
      if (size > MAX_BYTES) throw new Error(`${this.#path} has ${size} bytes; it may have ${MAX_BYTES}`)
      const endpoints = await this.#parse(await file.readFile('utf8'), signal)
      this.#read = seen
      return { endpoints }
    } finally {
      await file.close()
    }
  }

  async #parse(text: string, signal: AbortSignal): Promise<readonly unknown[]> {
    try {
      return await this.#reader.read(text, signal)
    } catch (error) {
      throw new Error(`${this.#path}: ${(error as Error).message}`, { cause: error })
    }
  }

  /** Where the system does not watch (no such folder yet, too many watched), the interval is all there is. */
  #watch(): void {
    try {
      this.#watcher = watch(dirname(this.#path), { persistent: false }, (_event, name) => {
        if (name === null || name === basename(this.#path) || name.startsWith('..')) this.#changed()
      })
      this.#watcher.on('error', () => this.#watcher?.close())
    } catch {}
  }

  #changed(): void {
    const now = this.#timers.now()
    this.#changedSince ??= now
    this.#settling?.cancel()
    const waitMs = Math.min(SETTLE_MS, Math.max(0, this.#changedSince + LONGEST_SETTLE_MS - now))
    this.#settling = this.#timers.after(waitMs, () => {
      this.#changedSince = undefined
      this.#poller.lookNow()
    })
  }
}
