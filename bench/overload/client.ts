/**
 * One run of an open-loop load above what the endpoints can serve, then five seconds at half of it. Requests are counted by when they
 * were due: a client that falls behind makes nobody look better.
 */
import { readdirSync } from 'node:fs'
import type { Case } from '../harness/case.js'
import { mulberry32 } from '../harness/random.js'
import { percentile } from '../harness/statistics.js'
import { createSender, type Subject } from './subjects.js'

export interface Parameters {
  readonly subject: Subject
  readonly ports: readonly number[]
  readonly known: boolean
  readonly deadlineMs: number
}

export interface Input {
  /** Of the overload, ms; what is due in its first `warmUpMs` does not count. */
  readonly ms: number
  readonly warmUpMs: number
  readonly perSecond: number
  /** Afterwards. */
  readonly calmPerSecond: number
  readonly seed: number
  /** Requests a second of each tier, as shares; without: all are of the default tier. */
  readonly tiers?: readonly number[]
}

const CALM_MS = 5_000
const BIN_MS = 250
const MS_PER_S = 1e3
const BYTES_PER_MIB = 2 ** 20

/** What became of the requests that were due within one stretch. */
class Count {
  due = 0
  good = 0
  readonly latencies: number[] = []
}

export function prepare({ subject, ports, known, deadlineMs }: Parameters): Case {
  return {
    async slice(given) {
      const input = given as Input
      const sender = await createSender(subject, ports, known)
      const bins: Count[] = []
      const tiers = (input.tiers ?? []).map(() => new Count())
      const bin = (at: number): Count => {
        const index = Math.floor(at / BIN_MS)
        while (bins.length <= index) bins.push(new Count())
        return bins[index]
      }
      const begin = performance.now()
      const counts: { at: number; good: boolean; latencyMs: number; tier: number }[] = []
      const send = async (at: number, tier: number): Promise<void> => {
        let ok = true
        const late = performance.now() - begin - at
        try {
          await sender.send(
            Math.max(1, Math.round(deadlineMs - late)),
            input.tiers === undefined ? undefined : tier,
          )
        } catch {
          ok = false
        }
        const latencyMs = performance.now() - begin - at
        counts.push({ at, good: ok && latencyMs <= deadlineMs, latencyMs, tier })
      }
      const memory = await load(input, send, begin)
      await sender.close()
      for (const { at, good, latencyMs, tier } of counts) {
        for (const count of [bin(at), ...(at >= input.warmUpMs && at < input.ms ? [tiers[tier]] : [])]) {
          if (count === undefined) continue
          count.due++
          if (good) count.good++
          if (good) count.latencies.push(latencyMs)
        }
      }
      return figures(input, bins, tiers, memory)
    },
  }
}

interface Memory {
  readonly rssMiB: number
  readonly descriptors: number
}

/** Sends until the load is over, and resolves when all have ended: what had grown between the warm-up and the end of the overload. */
async function load(
  { ms, warmUpMs, perSecond, calmPerSecond, seed, tiers }: Input,
  send: (at: number, tier: number) => Promise<void>,
  begin: number,
): Promise<Memory> {
  const random = mulberry32(seed)
  const open = new Set<Promise<void>>()
  const tierOf = (): number => {
    let left = random()
    for (const [tier, share] of (tiers ?? []).entries()) if ((left -= share) < 0) return tier
    return 0
  }
  let due = 0
  let before: Memory | undefined
  let after: Memory | undefined
  const end = ms + CALM_MS
  for (;;) {
    const now = performance.now() - begin
    before ??= now >= warmUpMs ? memory() : undefined
    after ??= now >= ms ? memory() : undefined
    while (due <= now && due < end) {
      const one = send(due, tierOf())
      open.add(one)
      void one.finally(() => open.delete(one))
      due += (-Math.log(1 - random()) * MS_PER_S) / (due < ms ? perSecond : calmPerSecond)
    }
    if (due >= end) break
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - (performance.now() - begin))))
  }
  await Promise.all(open)
  const last = after ?? memory()
  const first = before ?? last
  return { rssMiB: last.rssMiB - first.rssMiB, descriptors: last.descriptors - first.descriptors }
}

const memory = (): Memory => ({
  rssMiB: process.memoryUsage.rss() / BYTES_PER_MIB,
  descriptors: readdirSync('/proc/self/fd').length,
})

function figures(
  { ms, warmUpMs }: Input,
  bins: readonly Count[],
  tiers: readonly Count[],
  memory: Memory,
): Record<string, number> {
  const counted = bins.slice(Math.ceil(warmUpMs / BIN_MS), Math.floor(ms / BIN_MS))
  const calm = bins.slice(Math.ceil(ms / BIN_MS))
  const lastBad = calm.findLastIndex(({ due, good }) => due > 0 && good < due)
  const latencies = counted.flatMap((one) => one.latencies)
  const figures: Record<string, number> = {
    goodPerSecond: (counted.reduce((sum, { good }) => sum + good, 0) * MS_PER_S) / (counted.length * BIN_MS),
    p99: latencies.length === 0 ? Number.POSITIVE_INFINITY : percentile(latencies, 0.99),
    recoveryMs: (lastBad + 1) * BIN_MS,
    rssMiB: memory.rssMiB,
    descriptors: memory.descriptors,
  }
  for (const [tier, { due, good }] of tiers.entries()) figures[`tier${tier}`] = due === 0 ? 1 : good / due
  for (const [i, { good }] of bins.entries()) figures[`bin${i}`] = good
  return figures
}
