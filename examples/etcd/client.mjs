// Sends a request every 100 ms to whoever is registered (service.mjs), and says who answers. `REQUESTS` ends it after so many.
import { setTimeout as sleep } from 'node:timers/promises'
import { Balancer } from 'fairlead'

const servers = (process.env.ETCD ?? 'http://127.0.0.1:2379').split(',')
const requests = Number(process.env.REQUESTS ?? Number.POSITIVE_INFINITY)

const balancer = new Balancer({ services: { hello: { source: { etcd: { servers, service: 'hello' } } } } })
balancer.on('source', ({ type, reason }) => console.log(`source: ${type}: ${reason}`))
balancer.on('endpoint', ({ type, endpoint }) => console.log(`endpoint: ${endpoint.id} ${type}`))
await balancer.start()

for (let i = 0; i < requests; i++) {
  try {
    const response = await balancer.fetch('http://hello/')
    console.log((await response.text()).trim())
  } catch (error) {
    console.log(`failed: ${error.message}`)
  }
  await sleep(100)
}
await balancer.stop()
