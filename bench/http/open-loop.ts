/**
 * Requests that come when they come (Poisson), whether or not the ones before were answered. Latency counts from when a
 * request was due, so that a client that falls behind does not make the endpoints look quick.
 */
import type { Dispatcher } from 'undici'
import { mulberry32 } from '../harness/random.js'

/** What became of one request. */
export interface Answer {
  /** ms, on the clock of `monotonicMs`. */
  readonly at: number
  readonly latencyMs: number
  /** The endpoint that answered; -1: none did, or with an error status. */
  readonly endpoint: number
}

export interface OpenLoop {
  readonly sent: number
  /** In the order of their ends. */
  readonly answers: readonly Answer[]
  /** No further requests. */
  stop(): void
  /** Resolves when all is answered, or after `graceMs`; to the latency that each unanswered one has reached. */
  drained(graceMs: number): Promise<number[]>
}

export interface Load {
  readonly perSecond: number
  readonly seed: number
}

const MS_PER_S = 1e3
const NS_PER_MS = 1e6

/** A clock that all processes of the machine share. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / NS_PER_MS

export function startOpenLoop(dispatcher: Dispatcher, origin: string, { perSecond, seed }: Load): OpenLoop {
  const random = mulberry32(seed)
  const gapMs = (): number => (-Math.log(1 - random()) * MS_PER_S) / perSecond
  const answers: Answer[] = []
  const waiting = new Set<number>()
  let sent = 0
  let due = monotonicMs() + gapMs()
  let timer: NodeJS.Timeout | undefined
  let notify: (() => void) | undefined

  const send = async (dueAt: number): Promise<void> => {
    // Two requests may be due at one moment, but not in IEEE doubles drawn like these.
    waiting.add(dueAt)
    sent++
    let endpoint = -1
    try {
      const { statusCode, body } = await dispatcher.request({ origin, path: '/', method: 'GET' })
      const text = await body.text()
      if (statusCode === 200) endpoint = Number(text)
    } catch {
      // Counted as unanswered by an endpoint: -1.
    }
    const at = monotonicMs()
    if (waiting.delete(dueAt)) answers.push({ at, latencyMs: at - dueAt, endpoint })
    if (waiting.size === 0) notify?.()
  }

  const tick = (): void => {
    for (const now = monotonicMs(); due <= now; due += gapMs()) void send(due)
    timer = setTimeout(tick, due - monotonicMs())
  }
  tick()

  return {
    get sent() {
      return sent
    },
    answers,
    stop: () => clearTimeout(timer),
    async drained(graceMs) {
      if (waiting.size > 0) {
        await new Promise<void>((resolve) => {
          notify = resolve
          setTimeout(resolve, graceMs)
        })
      }
      const now = monotonicMs()
      const unanswered = [...waiting].map((dueAt) => now - dueAt)
      waiting.clear()
      return unanswered
    },
  }
}
