import { resolve } from 'node:path'
import { Command } from 'commander'
import { number } from '../numbers.js'
import type { SimulateCommandOptions } from './run.js'

const MAX_SEED = 0xffff_ffff
const MAX_JOBS = 1_000_000_000

const NOTES = `
The file (YAML or JSON; examples/simulate.yaml has most of what there is):
  requests: 200000
  load: { utilization: 0.8 }                   # or rate, in requests a second
  serviceTime: { exponential: { meanMs: 20 } }
  endpoints:
    - { count: 9, workers: 4 }
    - { workers: 4, incidents: [{ fromMs: 10000, untilMs: 20000, slowBy: 10 }] }
  policies: [peak-ewma, least-request, round-robin]

The balancer is the one that ships, in simulated time: the same seed gives the same results. Each request is tried once.
Latency counts from arrival to answer; a request that misses its deadline counts with the deadline. Requests that find no
place (service: { limits }) wait in the balancer's queue (service: { queue }).

Examples:
  fairlead simulate examples/simulate.yaml
  fairlead simulate examples/simulate.yaml --policy peak-ewma,prequal --jobs 1000000 --seed 7
  fairlead simulate examples/simulate.yaml --out plots
  fairlead simulate examples/overload.yaml --out plots    # two and four times the capacity
  fairlead simulate examples/simulate.yaml --json > results.json
`

export function simulateCommand(): Command {
  return new Command('simulate')
    .description('Compare policies on simulated endpoints and load, with the shipped balancer.')
    .argument('<file>', 'endpoints and load, YAML or JSON')
    .option('-p, --policy <names>', 'policies instead of those in the file, separated by commas')
    .option('--seed <number>', 'seed instead of the one in the file', number(0, MAX_SEED, 'whole number'))
    .option(
      '-n, --jobs <number>',
      'requests that are counted, instead of `requests` in the file',
      number(1, MAX_JOBS, 'whole number'),
    )
    .option(
      '-o, --out <folder>',
      'write latency.svg, load.svg, goodput.svg (npm install vega@6) and results.json to this folder',
    )
    .option('--json', 'print one JSON document instead of tables')
    .addHelpText('after', NOTES)
    .action(async (file: string, options: SimulateCommandOptions) => {
      const { runSimulate } = await import('./run.js')
      await runSimulate(resolve(file), options)
    })
}
