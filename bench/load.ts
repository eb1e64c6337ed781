import { type EngineKind, type Result, result, type Target } from './harness/result.js'
import { differences } from './harness/statistics.js'
import type { Run, Suite } from './harness/suite.js'
import {
  BARE,
  FAIRLEAD,
  IMPORT,
  PEERS,
  type Program,
  REQUIRE,
  type Spent,
  spend,
  UNDICI,
} from './load/programs.js'
import { packedPackage } from './load/tarball.js'

const SUITE = 'load'
const ROUNDS = { full: 40, quick: 8 }
/** Of an import alone. */
const MAX_MS = 30
const MAX_MB = 10
const BYTES_PER_KB = 1e3

interface Entry {
  readonly program: Program
  readonly engine?: EngineKind
  readonly spent: Spent[]
}

export const load: Suite = {
  name: SUITE,
  about: 'time and memory that importing fairlead adds to a bare Node process; size of the package',
  async run(run) {
    const entries = await measure(run)
    const results: Result[] = []
    for (const entry of entries) results.push(...rows(entries, entry))
    results.push(...(await tarballRows(run)))
    return results
  },
}

/** Every program in turn, round by round; the first round, which warms the file cache, is thrown away. */
async function measure(run: Run): Promise<Entry[]> {
  const plain = (program: Program): Entry => ({ program, spent: [] })
  const own = run.engines.flatMap((engine) => FAIRLEAD.map((program) => ({ program, engine, spent: [] })))
  const entries: Entry[] = [...BARE.map(plain), ...PEERS.map(plain), ...own]
  const rounds = run.quick ? ROUNDS.quick : ROUNDS.full
  for (let round = 0; round <= rounds; round++) {
    for (const { program, engine, spent } of entries) {
      run.progress(`round ${round} of ${rounds}: ${program.name}${engine === undefined ? '' : `, ${engine}`}`)
      const one = await spend(program, engine)
      if (round > 0) spent.push(one)
    }
  }
  return entries
}

function rows(entries: readonly Entry[], { program, engine, spent }: Entry): Result[] {
  const { name, bare } = program
  const ms = spent.map((one) => one.ms)
  const mb = spent.map((one) => one.mb)
  if (name === bare) {
    return [
      result({ suite: SUITE, name: 'time to run', peer: name, unit: 'ms', samples: ms }),
      result({ suite: SUITE, name: 'resident set', peer: name, unit: 'MB', samples: mb }),
    ]
  }
  const baseline = (entries.find((entry) => entry.program.name === bare) as Entry).spent
  const addedMs = differences(
    ms,
    baseline.map((one) => one.ms),
  )
  const addedMb = differences(
    mb,
    baseline.map((one) => one.mb),
  )
  const atMost = (limit: number): Target | undefined =>
    name === IMPORT || name === REQUIRE ? { of: 'value', atMost: limit } : undefined
  const who = name === UNDICI ? { peer: UNDICI } : { engine }
  const what = name === UNDICI ? IMPORT : name
  return [
    result({
      suite: SUITE,
      name: `${what}: time added`,
      ...who,
      unit: 'ms',
      samples: addedMs,
      target: atMost(MAX_MS),
    }),
    result({
      suite: SUITE,
      name: `${what}: memory added`,
      ...who,
      unit: 'MB',
      samples: addedMb,
      target: atMost(MAX_MB),
    }),
  ]
}

async function tarballRows(run: Run): Promise<Result[]> {
  run.progress('npm pack')
  const { packed, unpacked, files, prebuilds } = await packedPackage()
  const inside = prebuilds.length === 0 ? 'no prebuilt binary in it' : `with ${prebuilds.join(', ')}`
  run.note(`tarball: ${files} files, ${inside}`)
  const row = { suite: SUITE, unit: 'kB' }
  return [
    result({ ...row, name: `tarball, packed, ${inside}`, samples: [packed / BYTES_PER_KB] }),
    result({ ...row, name: 'tarball, unpacked', samples: [unpacked / BYTES_PER_KB] }),
  ]
}
