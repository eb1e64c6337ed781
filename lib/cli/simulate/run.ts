/** `fairlead simulate`: reads the file, runs each policy, prints what came of it. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ArgumentError } from '../../errors.js'
import { isRecord } from '../../options/kinds.js'
import type { SimulationConfig } from '../../simulate/config.js'
import { parseSimulation } from '../../simulate/parse.js'
import { loadVega } from '../../simulate/plots/load-vega.js'
import { plotGoodput, plotLatency, plotLoad } from '../../simulate/plots/plot.js'
import type { PolicyResult } from '../../simulate/results.js'
import { simulate } from '../../simulate/simulate.js'
import { readConfigFile } from '../config-file.js'
import { Progress } from './progress.js'
import { tablesOf } from './tables.js'

export interface SimulateCommandOptions {
  readonly policy?: string
  readonly seed?: number
  readonly jobs?: number
  readonly out?: string
  readonly json?: boolean
}

const DEFAULT_TITLE = 'fairlead simulate'

export async function runSimulate(file: string, options: SimulateCommandOptions): Promise<void> {
  const config = configOf(file, options)
  // Before the simulation: that may take minutes.
  if (options.out !== undefined) await loadVega()
  const folder = options.out === undefined ? undefined : folderOf(options.out)
  const progress = new Progress(process.stderr)
  let results: PolicyResult[]
  try {
    results = await simulate(config, { onProgress: (policy, share) => progress.show(policy, share) })
  } finally {
    progress.clear()
  }
  const title = config.title ?? DEFAULT_TITLE
  const report = { title, seed: config.seed ?? 1, results }
  if (folder !== undefined) {
    writeFileSync(join(folder, 'latency.svg'), await plotLatency(results, `${title}: latency`))
    writeFileSync(join(folder, 'load.svg'), await plotLoad(results, `${title}: requests by endpoint`))
    writeFileSync(join(folder, 'goodput.svg'), await plotGoodput(results, `${title}: goodput`))
    writeFileSync(join(folder, 'results.json'), `${JSON.stringify(report, undefined, 2)}\n`)
  }
  if (options.json) process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`)
  else process.stdout.write(tablesOf(title, results))
  if (folder !== undefined && !options.json)
    process.stdout.write(`\nlatency.svg, load.svg, goodput.svg, results.json: in ${folder}\n`)
}

/** The file, with what the command line says instead; checked together, so that a fault of either is told once. */
function configOf(file: string, { policy, seed, jobs }: SimulateCommandOptions): SimulationConfig {
  const policies = policy
    ?.split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  if (policies?.length === 0)
    throw new ArgumentError('--policy names no policy; it takes names separated by commas')
  return readConfigFile(file, (value) => {
    if (!isRecord(value)) return parseSimulation(value)
    return parseSimulation({
      ...value,
      ...(policies === undefined ? {} : { policies: chosen(policies, value['policies']) }),
      ...(seed === undefined ? {} : { seed }),
      ...(jobs === undefined ? {} : { requests: jobs }),
    })
  })
}

/** A policy that the file has under that name or label keeps its options. */
function chosen(names: readonly string[], inFile: unknown): unknown[] {
  const known: unknown[] = Array.isArray(inFile) ? inFile : []
  return names.map(
    (name) => known.find((one) => isRecord(one) && (one['label'] === name || one['name'] === name)) ?? name,
  )
}

function folderOf(out: string): string {
  const folder = resolve(out)
  try {
    mkdirSync(folder, { recursive: true })
  } catch (error) {
    throw new ArgumentError(`--out ${out} cannot be made a folder: ${(error as Error).message}`)
  }
  return folder
}
