/** A client under open-loop load that lives through the death and return of an endpoint. */
import type { Case, Sample } from '../harness/case.js'
import { type Answer, type Load, type OpenLoop, startOpenLoop } from './open-loop.js'
import { createSubject, type Subject, type SubjectSpec } from './subjects.js'

export interface Parameters {
  readonly subject: SubjectSpec
  readonly ports: readonly number[]
}

/** `begin` starts the load, `look` says how things are, `end` stops it and says so for the last time. */
export type Input =
  | { readonly order: 'begin'; readonly load: Load }
  | { readonly order: 'look' | 'end'; readonly victim: number; readonly revivedAt: number }

const WINDOW_MS = 100
/** Traffic is back with half of an equal share. */
const SHARE_OF_EQUAL = 0.5
const GRACE_MS = 2_000

export function prepare({ subject: spec, ports }: Parameters): Case {
  let subject: Subject | undefined
  let loop: OpenLoop | undefined
  return {
    async slice(input): Promise<Sample> {
      const order = input as Input
      if (order.order === 'begin') {
        subject = await createSubject(spec, ports)
        loop = startOpenLoop(subject.dispatcher, subject.origins[0], order.load)
        return {}
      }
      if (loop === undefined || subject === undefined) throw new Error('there is no load: begin comes first')
      const { revivedAt, victim } = order
      let unanswered = 0
      if (order.order === 'end') {
        loop.stop()
        unanswered = (await loop.drained(GRACE_MS)).length
        await subject.close()
      }
      const { answers, sent } = loop
      return {
        sent,
        failed: answers.filter(({ endpoint }) => endpoint < 0).length + unanswered,
        firstMs: firstAnswer(answers, victim, revivedAt),
        backMs: trafficBack(answers, victim, revivedAt, SHARE_OF_EQUAL / ports.length),
      }
    },
  }
}

/** ms from the revival to the first answer of the endpoint. */
function firstAnswer(answers: readonly Answer[], victim: number, revivedAt: number): number {
  const first = answers.find(({ at, endpoint }) => at >= revivedAt && endpoint === victim)
  return first === undefined ? Number.POSITIVE_INFINITY : first.at - revivedAt
}

/** ms from the revival to the end of the first window in which the endpoint gave at least `share` of the answers. */
function trafficBack(answers: readonly Answer[], victim: number, revivedAt: number, share: number): number {
  const windows = new Map<number, { all: number; own: number }>()
  for (const { at, endpoint } of answers) {
    if (at < revivedAt) continue
    const window = Math.floor((at - revivedAt) / WINDOW_MS)
    const count = windows.get(window) ?? { all: 0, own: 0 }
    count.all++
    if (endpoint === victim) count.own++
    windows.set(window, count)
  }
  const found = [...windows].filter(([, { all, own }]) => own >= share * all).map(([window]) => window)
  return found.length === 0 ? Number.POSITIVE_INFINITY : (Math.min(...found) + 1) * WINDOW_MS
}
