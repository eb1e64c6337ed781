import { Command, Option } from 'commander'
import { number } from '../numbers.js'
import type { DemoOptions } from './demo.js'
import { SOURCE_KINDS } from './source.js'

const MIN_DURATION_S = 4
const MAX_DURATION_S = 600
const MAX_RATE = 5000
const MAX_SEED = 0xffff_ffff

const NOTES = `
The same requests go, at the same times, through undici's BalancedPool and through fairlead, each in a process of its own
and each with three HTTP servers of its own on 127.0.0.1. One of the three turns 100 times slower and recovers, another is
killed and revived. Then, for 21 s more and whatever --rate says, twice what three healthy servers can serve is asked of
them by callers who give up after a second: how much of what the servers can serve is answered in time? Exit code 1: fairlead
lost a request before the overload that it should have saved.

Examples:
  fairlead demo
  fairlead demo --duration 60 --rate 400
  fairlead demo --source dns
  fairlead demo --json > demo.json
`

export function demoCommand(): Command {
  return new Command('demo')
    .description(
      "Watch undici's BalancedPool and fairlead meet a slow server, a dying one and twice their load.",
    )
    .option(
      '-d, --duration <seconds>',
      'length of the load before the overload',
      number(MIN_DURATION_S, MAX_DURATION_S),
      20,
    )
    .option(
      '-r, --rate <requests>',
      'requests per second through each of the two, before the overload',
      number(10, MAX_RATE),
      200,
    )
    .option(
      '--seed <number>',
      'seed of the arrivals and of the work they bring',
      number(0, MAX_SEED, 'whole number'),
      1,
    )
    .addOption(
      new Option('--source <kind>', "where fairlead's endpoints come from before the overload")
        .choices(SOURCE_KINDS)
        .default('list'),
    )
    .option('--json', 'print one JSON document instead')
    .addHelpText('after', NOTES)
    .action(async (options: DemoOptions) => {
      const { runDemo } = await import('./demo.js')
      process.exitCode = await runDemo(options)
    })
}
