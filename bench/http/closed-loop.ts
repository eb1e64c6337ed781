/** A client that keeps a fixed number of requests in flight, and counts answers and its own CPU time. */
import type { Dispatcher } from 'undici'
import type { Case } from '../harness/case.js'
import { bareSockets } from './bare-sockets.js'
import { createSubject, type SubjectSpec } from './subjects.js'

/** `request`: undici's usual call, its body read. `dispatch`: the interface below it, with nothing on top. */
export type Call = 'request' | 'dispatch'

export interface Parameters {
  readonly subject: SubjectSpec | { readonly kind: 'bare-sockets' }
  readonly call: Call
  readonly ports: readonly number[]
  readonly concurrency: number
  /** Certificate of the authority, where the endpoints speak TLS. */
  readonly ca?: string | undefined
}

/**
 * How long a slice lasts: `ms`, or longer where fewer than `atLeast` requests were answered by then. Before it come
 * `settleMs` that do not count: a process that has slept for seconds, while the others had their turn, first fills caches.
 */
export interface Input {
  readonly ms: number
  readonly atLeast?: number
  readonly settleMs?: number
}

const US_PER_S = 1e6
const MS_PER_S = 1e3

/** Sends requests one after the other until `isOver`; resolves to how many were answered. */
export type Lane = (isOver: () => boolean) => Promise<number>

export async function prepare({ subject, call, ports, concurrency, ca }: Parameters): Promise<Case> {
  const { lane, close } =
    subject.kind === 'bare-sockets' ? bareSockets(ports) : await balanced(subject, call, ports, ca)
  return {
    async slice(input) {
      const { ms, atLeast = 0, settleMs = 0 } = input as Input
      const sendFor = (duration: number): Promise<number[]> => {
        let sent = 0
        const end = performance.now() + duration
        const isOver = (): boolean => ++sent > atLeast && performance.now() >= end
        return Promise.all(Array.from({ length: concurrency }, () => lane(isOver)))
      }
      if (settleMs > 0) await sendFor(settleMs)
      const begun = performance.now()
      const cpu = process.cpuUsage()
      const counts = await sendFor(ms)
      const { user, system } = process.cpuUsage(cpu)
      const elapsedS = (performance.now() - begun) / MS_PER_S
      const answered = counts.reduce((sum, count) => sum + count, 0)
      return {
        perSecond: answered / elapsedS,
        cpuUs: (user + system) / answered,
        busy: (user + system) / US_PER_S / elapsedS,
      }
    },
    close,
  }
}

async function balanced(
  spec: SubjectSpec,
  call: Call,
  ports: readonly number[],
  ca: string | undefined,
): Promise<{ lane: Lane; close: () => Promise<void> }> {
  const { dispatcher, origins, close } = await createSubject(spec, ports, ca)
  let turn = 0
  const next = (): string => origins[turn++ % origins.length]
  return {
    lane: call === 'request' ? requestLane(dispatcher, next) : dispatchLane(dispatcher, next),
    close,
  }
}

const requestLane =
  (dispatcher: Dispatcher, origin: () => string): Lane =>
  async (isOver) => {
    let answered = 0
    while (!isOver()) {
      const { statusCode, body } = await dispatcher.request({
        origin: origin(),
        path: '/users/42',
        method: 'GET',
      })
      await body.text()
      if (statusCode !== 200) throw new Error(`answered ${statusCode}`)
      answered++
    }
    return answered
  }

const dispatchLane =
  (dispatcher: Dispatcher, origin: () => string): Lane =>
  (isOver) =>
    new Promise((resolve, reject) => {
      let answered = 0
      const next = (): void => {
        if (isOver()) resolve(answered)
        else
          dispatcher.dispatch(
            { origin: origin(), path: '/users/42', method: 'GET' },
            handler as unknown as Dispatcher.DispatchHandler,
          )
      }
      const handler = {
        onConnect() {},
        onHeaders: () => true,
        onData: () => true,
        onComplete() {
          answered++
          next()
        },
        onError: reject,
      }
      next()
    })
