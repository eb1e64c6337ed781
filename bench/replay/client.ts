/** One replay by a client that has just started. */
import type { Case } from '../harness/case.js'
import { percentile } from '../harness/statistics.js'
import { type Load, startOpenLoop } from '../http/open-loop.js'
import { createSubject, type SubjectSpec } from '../http/subjects.js'

export interface Parameters {
  readonly subject: SubjectSpec
  readonly ports: readonly number[]
}

export interface Input extends Load {
  readonly ms: number
  /** An answer that takes longer is too late. */
  readonly limitMs: number
  /** After the last request: enough for the slowest answer. */
  readonly graceMs: number
}

const PER_CENT = 100

export function prepare({ subject: spec, ports }: Parameters): Case {
  return {
    async slice(input) {
      const { ms, limitMs, graceMs, ...load } = input as Input
      const subject = await createSubject(spec, ports)
      const loop = startOpenLoop(subject.dispatcher, subject.origins[0], load)
      await new Promise((resolve) => setTimeout(resolve, ms))
      loop.stop()
      const unanswered = await loop.drained(graceMs)
      await subject.close()
      const answered = loop.answers.filter(({ endpoint }) => endpoint >= 0)
      const latencies = [...answered.map(({ latencyMs }) => latencyMs), ...unanswered]
      const within = answered.filter(({ latencyMs }) => latencyMs <= limitMs).length
      const slow = ports.length - 1
      return {
        within: (PER_CENT * within) / loop.sent,
        p50: percentile(latencies, 0.5),
        p99: percentile(latencies, 0.99),
        slowShare: (PER_CENT * answered.filter(({ endpoint }) => endpoint === slow).length) / loop.sent,
        failed: loop.sent - answered.length,
      }
    },
  }
}
