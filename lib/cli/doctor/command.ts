import { Command } from 'commander'

const NOTES = `
Exit code 1: the self-check failed, or FAIRLEAD_ENGINE asks for an engine that cannot be had.

Examples:
  fairlead doctor
  fairlead doctor --json
  FAIRLEAD_ENGINE=native fairlead doctor
`

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Say which engine runs here, and why; check that it works.')
    .option('--json', 'print one JSON document instead')
    .addHelpText('after', NOTES)
    .action(async ({ json }: { json?: boolean }) => {
      const { runDoctor } = await import('./doctor.js')
      process.exitCode = await runDoctor(json === true)
    })
}
