/** One run of an open-loop load, by a client that has just started: what it knows of the endpoints it learns here. */
import type { Case } from '../harness/case.js'
import { percentile } from '../harness/statistics.js'
import { type Load, startOpenLoop } from './open-loop.js'
import { createSubject, type SubjectSpec } from './subjects.js'

export interface Parameters {
  readonly subject: SubjectSpec
  readonly ports: readonly number[]
  /** Number of the slow endpoint. */
  readonly slow: number
}

export interface Input extends Load {
  readonly ms: number
  /** After the last request; what is not answered then counts with the latency it has reached: too little, not too much. */
  readonly graceMs: number
}

const PER_CENT = 100

export function prepare({ subject: spec, ports, slow }: Parameters): Case {
  return {
    async slice(input) {
      const { ms, graceMs, ...load } = input as Input
      const subject = await createSubject(spec, ports)
      const loop = startOpenLoop(subject.dispatcher, subject.origins[0], load)
      await new Promise((resolve) => setTimeout(resolve, ms))
      loop.stop()
      const unanswered = await loop.drained(graceMs)
      await subject.close()
      const latencies = [...loop.answers.map(({ latencyMs }) => latencyMs), ...unanswered]
      const bySlow = loop.answers.filter(({ endpoint }) => endpoint === slow).length
      return {
        p50: percentile(latencies, 0.5),
        p99: percentile(latencies, 0.99),
        // Whatever was not answered waits at the slow one.
        slowShare: (PER_CENT * (bySlow + unanswered.length)) / loop.sent,
        failed: loop.answers.filter(({ endpoint }) => endpoint < 0).length,
      }
    },
  }
}
