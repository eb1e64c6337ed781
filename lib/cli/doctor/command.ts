import { resolve } from 'node:path'
import { Command } from 'commander'

const NOTES = `
Exit code 1: the self-check failed, FAIRLEAD_ENGINE asks for an engine that cannot be had, or the configuration is wrong.

With --config, of a balancer or of the proxy, it says of each endpoint that is written with a host name what becomes of that name, and how
many addresses it has now.

Examples:
  fairlead doctor
  fairlead doctor --json
  fairlead doctor --config proxy.yaml
  FAIRLEAD_ENGINE=native fairlead doctor
`

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Say which engine runs here, and why; check that it works.')
    .option('-c, --config <file>', 'look at the host names in this configuration as well, YAML or JSON')
    .option('--json', 'print one JSON document instead')
    .addHelpText('after', NOTES)
    .action(async ({ json, config }: { json?: boolean; config?: string }) => {
      const { runDoctor } = await import('./doctor.js')
      process.exitCode = await runDoctor(json === true, config === undefined ? undefined : resolve(config))
    })
}
