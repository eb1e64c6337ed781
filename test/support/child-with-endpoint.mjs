// A process that serves and registers itself, for tests that kill it. It ends on SIGTERM without a failed request.
import { createServer } from 'node:http'
import { drainOnSignal, register } from '../../dist/index.js'

const { etcd, ttl, delayMs = 0, service = 'users', quietMs, port = 0, id } = JSON.parse(process.argv[2])
const server = createServer((request, response) => {
  setTimeout(() => response.end(`${process.pid} ${request.url}`), delayMs)
})
server.listen(port, '127.0.0.1', async () => {
  const url = `http://127.0.0.1:${server.address().port}`
  const registration = await register({ etcd, service, endpoint: id === undefined ? url : { url, id }, ttl })
  for (const type of ['lost', 'registered', 'failed'])
    registration.on(type, ({ reason }) => process.send?.({ type, reason }))
  drainOnSignal(server, { registration, quietMs })
  process.send?.({ type: 'ready', url })
})
