/** `fairlead demo`: both loads, then both overloads, side by side, shown as they go; then what they mean. */
import { EXIT } from '../report.js'
import { LiveView } from './live.js'
import type { LoadResult } from './messages.js'
import { OverloadLiveView } from './overload/live.js'
import { OverloadPlainView } from './overload/plain.js'
import { type OverloadResults, type OverloadSpectator, runOverload } from './overload/run.js'
import {
  CAPACITY,
  MEAN_MS,
  type OverloadPlan,
  overloadPlan,
  PATIENCE_MS,
  WORKPLACES,
} from './overload/script.js'
import { overloadNotes, overloadText } from './overload/summary.js'
import { PlainView } from './plain.js'
import { runLoads, type Spectator } from './run.js'
import { type LoadPlan, TIMELINE } from './script.js'
import type { SourceKind } from './source.js'
import { closingText, type Outcome, slowClientNotes } from './summary.js'

export interface DemoOptions {
  /** Of the first two acts, seconds. */
  readonly duration: number
  /** Requests per second, through each client. */
  readonly rate: number
  readonly seed: number
  readonly source: SourceKind
  readonly json?: boolean
}

const MS_PER_SECOND = 1000
const SILENT: Spectator & OverloadSpectator = { begins() {}, happens() {}, progress() {}, ends() {} }

/** Runs it; the exit code. */
export async function runDemo(options: DemoOptions): Promise<number> {
  process.once('SIGINT', () => process.exit(EXIT.INTERRUPTED))
  process.once('SIGTERM', () => process.exit(EXIT.TERMINATED))
  const plan: LoadPlan = {
    seed: options.seed,
    rate: options.rate,
    durationMs: options.duration * MS_PER_SECOND,
    source: options.source,
  }
  const print = (text: string): void => void process.stdout.write(`${text}\n`)
  const overload = overloadPlan(options.seed)
  const [spectator, overloadSpectator] = options.json
    ? [SILENT, SILENT]
    : process.stdout.isTTY
      ? [new LiveView(plan), new OverloadLiveView(overload)]
      : [new PlainView(plan, print), new OverloadPlainView(overload, print)]
  const { results, engine } = await runLoads(plan, spectator)
  const outcome: Outcome = { plan, engine, results }
  const overloaded = await runOverload(overload, overloadSpectator)
  // Of the overload nothing counts here: what fairlead refuses there, nobody could have served.
  // At every moment at least two of the three endpoints were alive, so every lost GET counts.
  const ok = results.fairlead.idempotentErrors === 0
  if (options.json) {
    const whole = { ...document(outcome, ok), overload: overloadDocument(overload, overloaded) }
    print(JSON.stringify(whole, undefined, 2))
  } else print(`${closingText(outcome)}\n\n${overloadText(overload, overloaded)}`)
  if (!ok) process.stderr.write(lossText(results.fairlead))
  return ok ? EXIT.OK : EXIT.FAILED
}

function document({ plan, engine, results }: Outcome, ok: boolean): object {
  return {
    engine,
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    ...plan,
    timeline: TIMELINE.map(({ at, ...event }) => ({ atMs: at * plan.durationMs, ...event })),
    clients: results,
    notes: slowClientNotes(results),
    ok,
  }
}

function overloadDocument(plan: OverloadPlan, results: OverloadResults): object {
  const { workers, noticesAborts } = WORKPLACES.A
  return {
    ...plan,
    capacity: CAPACITY,
    patienceMs: PATIENCE_MS,
    server: { workers, meanMs: MEAN_MS, noticesAborts },
    clients: results,
    notes: overloadNotes(results),
  }
}

function lossText({ idempotentErrors, lost }: LoadResult): string {
  const lines = lost
    .filter(({ method }) => method === 'GET')
    .map(
      ({ dueMs, method, phase, code, message }) =>
        `  ${method} due at ${dueMs} ms (${phase}): ${code}: ${message}`,
    )
  const more = idempotentErrors - lines.length
  if (more > 0) lines.push(`  and ${more} more`)
  return `fairlead: fairlead lost ${idempotentErrors} requests that it should have saved:\n${lines.join('\n')}\n`
}
