import { parseArgs } from 'node:util'
import type { Scenario } from './scenario.js'
import { SCENARIOS } from './scenarios/index.js'

export const HELP = `npm run test:cluster [-- options]

A real etcd of three members, nodes that register themselves and a caller under load, each in a network namespace of its own,
and what happens to them. No request may fail, and what was known must stay.

  --only NAME    only the scenarios whose name contains NAME
  --short        a minute: the scenarios that \`npm run test:all\` runs
  --processes    in plain processes, also where namespaces can be had
  --list         prints the scenarios, and runs none
  --help         this`

export interface RunOptions {
  readonly scenarios: readonly Scenario[]
  readonly isShort: boolean
  readonly plain: boolean
  readonly list: boolean
  readonly help: boolean
}

/** @throws where an option is unknown, or no scenario has the name */
export function parseOptions(args: readonly string[]): RunOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      short: { type: 'boolean', default: false },
      processes: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const { only, short } = values
  const scenarios = SCENARIOS.filter(
    (scenario) => (only === undefined || scenario.name.includes(only)) && (!short || scenario.short === true),
  )
  if (scenarios.length === 0)
    throw new Error(
      `no scenario${short ? ' of the short form' : ''} is called "${only}"; there are: ${SCENARIOS.map(({ name }) => name).join(', ')}`,
    )
  return { scenarios, isShort: short, plain: values.processes, list: values.list, help: values.help }
}
