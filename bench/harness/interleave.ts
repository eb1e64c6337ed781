import type { Sample } from './case.js'
import type { CaseProcess } from './case-process.js'
import type { Run } from './suite.js'

interface Rounds {
  /** Said before each round. */
  what: string
  /** Input of the slices before the first round; their samples are thrown away. */
  warmUp: readonly unknown[]
  rounds: number
  /** Input of the measured slices of a round. */
  input: (round: number) => unknown
  /** Runs before each slice: puts what the cases share back to its beginning. */
  before?: () => Promise<unknown>
}

/** Samples of each case by its name, one a round. */
export type Samples = ReadonlyMap<string, readonly Sample[]>

/**
 * Runs the cases in turn, A B C, B C A, C A B ..., one slice each: whatever else happens on the machine meets all of them, and
 * none always comes after the same one, which may have garbage left to collect. Only one runs at a time; the others wait for a
 * message and cost nothing.
 */
export async function interleave(
  run: Run,
  cases: readonly CaseProcess[],
  { what, warmUp, rounds, input, before }: Rounds,
): Promise<Samples> {
  for (const slice of warmUp) {
    for (const one of cases) {
      run.progress(`${what}: warming up ${one.name}`)
      await before?.()
      await one.slice(slice)
    }
  }
  const samples = new Map(cases.map(({ name }) => [name, [] as Sample[]]))
  for (let round = 1; round <= rounds; round++) {
    const first = (round - 1) % cases.length
    for (const one of [...cases.slice(first), ...cases.slice(0, first)]) {
      run.progress(`${what}: round ${round} of ${rounds}, ${one.name}`)
      await before?.()
      samples.get(one.name)?.push(await one.slice(input(round)))
    }
  }
  return samples
}

/**
 * The same several times over, each time with processes of their own: where a process's code and memory happen to lie makes it
 * faster or slower by up to a fifth for as long as it lives, which no number of rounds evens out.
 */
export async function interleaveAfresh(
  run: Run,
  starts: readonly (() => Promise<CaseProcess>)[],
  { lives, ...rounds }: Rounds & { lives: number },
): Promise<Samples> {
  const all = new Map<string, Sample[]>()
  for (let life = 1; life <= lives; life++) {
    const what = `${rounds.what}, processes ${life} of ${lives}`
    const samples = await withCases(starts, (cases) => interleave(run, cases, { ...rounds, what }))
    for (const [name, ones] of samples) all.set(name, [...(all.get(name) ?? []), ...ones])
  }
  return all
}

/** Uses processes and closes them, however it ends. */
export async function withCases<T>(
  starts: readonly (() => Promise<CaseProcess>)[],
  use: (cases: CaseProcess[]) => Promise<T>,
): Promise<T> {
  const cases: CaseProcess[] = []
  try {
    for (const start of starts) cases.push(await start())
    return await use(cases)
  } finally {
    await Promise.all(cases.map((one) => one.close()))
  }
}

/** One figure of a case, over the rounds. */
export function figure(samples: Samples, name: string, key: string): number[] {
  const found = samples.get(name)
  if (found === undefined) throw new Error(`no case is called ${name}`)
  return found.map((sample) => sample[key])
}
