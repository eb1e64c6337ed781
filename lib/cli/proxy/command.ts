import { resolve } from 'node:path'
import { Command } from 'commander'
import { number } from '../numbers.js'
import type { ProxyOptions } from './run.js'

const MAX_PORT = 65_535

const NOTES = `
The file (YAML or JSON):
  listen: { host: 127.0.0.1, port: 8080 }      # also trustedProxies, trustForwarded, drainMs, time-outs of clients
  routes:                                      # not needed with a single service
    - { host: shop.example, service: shop }    # by host, then by the longest path
    - { path: /users, service: users }
  services:
    shop: { endpoints: [http://10.0.0.1:8080, http://10.0.0.2:8080] }
    users: { endpoints: [http://10.0.1.1:8080], health: { http: { path: /healthz } } }

Requests get x-forwarded-for, -host and -proto; those that clients bring are replaced, unless they come from one of
listen.trustedProxies, or listen.trustForwarded is true. SIGHUP reads the file again; a faulty one is refused whole. SIGTERM and SIGINT let requests in flight finish.

Examples:
  fairlead proxy --config proxy.yaml
  fairlead proxy --config proxy.yaml --port 9000
  fairlead proxy --config proxy.yaml --check
`

export function proxyCommand(): Command {
  return new Command('proxy')
    .description('Run an HTTP/1.1 reverse proxy that balances over real endpoints.')
    .requiredOption('-c, --config <file>', 'configuration, YAML or JSON')
    .option(
      '-p, --port <port>',
      'port to listen on instead of listen.port; 0: any free one',
      number(0, MAX_PORT, 'whole number'),
    )
    .option('--host <address>', 'address to listen on instead of listen.host')
    .option('--check', 'only check the configuration')
    .addHelpText('after', NOTES)
    .action(async (options: ProxyOptions) => {
      const file = resolve(options.config)
      const { describeServices, readProxyConfig } = await import('./config.js')
      const config = readProxyConfig(file)
      if (options.check) {
        process.stdout.write(`fairlead proxy: ${file} is right (${describeServices(config)})\n`)
        return
      }
      const { runProxy } = await import('./run.js')
      await runProxy(file, config, options)
    })
}
