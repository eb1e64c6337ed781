import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import type { TopologyOptions } from './run.js'

const NOTES = `
The file (YAML or JSON) is the one of a balancer or of the proxy:
  services:
    users: { source: { dns: { name: users.internal, port: 8080 } } }
    orders: { endpoints: [http://10.0.0.1:8080], source: { file: { path: orders.yaml } } }

Each source is asked once, as a running balancer asks it; the exit code is 1 where one has no answer. No endpoint is sent anything,
and no check runs. With --watch the sources go on being asked, and what changes is shown until Ctrl-C.

Examples:
  fairlead topology --config proxy.yaml
  fairlead topology --config proxy.yaml --watch
  fairlead topology --config proxy.yaml --json | jq .services.users.endpoints
  fairlead topology --config proxy.yaml --dot | dot -Tsvg > topology.svg
`

export function topologyCommand(): Command {
  return new Command('topology')
    .description("Show the endpoints that a configuration's sources give now.")
    .requiredOption('-c, --config <file>', 'configuration, YAML or JSON')
    .option('-s, --service <name>', 'only this service')
    .option('-w, --watch', 'go on, and show what changes')
    .addOption(new Option('--json', 'print JSON; with --watch a line for each change').conflicts('dot'))
    .option('--dot', 'print a graph for Graphviz')
    .addHelpText('after', NOTES)
    .action(async (options: TopologyOptions) => {
      const { runTopology } = await import('./run.js')
      await runTopology(resolve(options.config), options)
    })
}
