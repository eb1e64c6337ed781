#!/usr/bin/env node
import { createRequire } from 'node:module'
import { Command, CommanderError, type OutputConfiguration } from 'commander'
import { demoCommand } from './demo/command.js'
import { doctorCommand } from './doctor/command.js'
import { proxyCommand } from './proxy/command.js'
import { EXIT, explain, isBrokenPipe } from './report.js'
import { simulateCommand } from './simulate/command.js'
import { topologyCommand } from './topology/command.js'

/** `node main.js`, without arguments. */
const BARE_LENGTH = 2

const require = createRequire(import.meta.url)

function program(): Command {
  const { version } = require('../../package.json') as { version: string }
  const output: OutputConfiguration = {
    // One line: what is wrong, the near miss where there is one, where to read more.
    outputError: (text, write) => {
      const [fault, ...more] = text
        .replace(/^error: /, '')
        .trim()
        .split('\n')
      write(`fairlead: ${[fault, ...more].join(' ')} (see fairlead --help)\n`)
    },
  }
  const root = new Command('fairlead')
    .description('A load balancer inside your Node process.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .configureOutput(output)
    .exitOverride()
    .addHelpText(
      'after',
      '\nExamples:\n  fairlead demo --duration 10\n  fairlead proxy --config proxy.yaml\n  fairlead topology --config proxy.yaml\n  fairlead simulate simulation.yaml\n  fairlead doctor\n',
    )
  for (const command of [
    demoCommand(),
    proxyCommand(),
    topologyCommand(),
    simulateCommand(),
    doctorCommand(),
  ]) {
    command.copyInheritedSettings(root)
    root.addCommand(command)
  }
  return root
}

/** Runs one command line; the exit code. */
async function run(argv: readonly string[]): Promise<number> {
  try {
    const root = program()
    if (argv.length === BARE_LENGTH)
      root.error(`which command? One of ${root.commands.map((one) => one.name()).join(', ')}`)
    await root.parseAsync([...argv])
    return typeof process.exitCode === 'number' ? process.exitCode : EXIT.OK
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.OK : EXIT.USAGE
    process.stderr.write(explain(error))
    return EXIT.FAILED
  }
}

// `fairlead demo | head`: nobody reads on, so nobody is owed anything more.
process.stdout.on('error', (error) => {
  if (!isBrokenPipe(error)) throw error
  process.exit(EXIT.OK)
})

void run(process.argv).then((code) => {
  process.exitCode = code
})
