// `npm start [-- options]`: set-up, then the demonstration.
import { join } from 'node:path'
import { setupOrExit } from './setup.mjs'
import { become, ROOT } from './shell.mjs'

await setupOrExit()
process.exitCode = await become(process.execPath, [
  join(ROOT, 'dist/cli/main.js'),
  'demo',
  ...process.argv.slice(2),
])
