// A service that registers itself in etcd. Start several, in as many terminals, beside a client (client.mjs):
//
//   etcd                                   # of Debian's package etcd-server, or any other 3.4 or later
//   node examples/etcd/service.mjs
//   node examples/etcd/client.mjs
//
// End one with Ctrl-C or `kill`: no request fails. End one with `kill -9`: its key goes with its lease, 10 s later, and the client
// does without it before that. ETCD names other servers, with commas between them.
import { createServer } from 'node:http'
import { drainOnSignal, register } from 'fairlead'

const servers = (process.env.ETCD ?? 'http://127.0.0.1:2379').split(',')

// Not ready before it is registered.
let draining
const server = createServer((request, response) => {
  if (request.url === '/healthz')
    return draining ? draining.handler(request, response) : response.writeHead(503).end()
  setTimeout(() => response.end(`hello from process ${process.pid}\n`), 20)
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const url = `http://127.0.0.1:${server.address().port}`

const registration = await register({ etcd: { servers }, service: 'hello', endpoint: url })
for (const type of ['lost', 'registered', 'failed'])
  registration.on(type, ({ reason }) => console.log(`${type}: ${reason}`))
draining = drainOnSignal(server, { registration, signals: ['SIGTERM', 'SIGINT'] })
console.log(`${url} serves, registered as ${registration.key}`)
