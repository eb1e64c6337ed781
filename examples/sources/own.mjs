// A source of your own: whatever knows your servers, in ten lines. Here a list that changes while requests are sent.
//   node examples/sources/own.mjs
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { Balancer, defineSource } from 'fairlead'

/** Three servers; each answers with its name. */
const servers = ['a', 'b', 'c'].map((name) => createServer((_request, response) => response.end(name)))
await Promise.all(servers.map((server) => new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))))
const urls = servers.map((server) => `http://127.0.0.1:${server.address().port}`)

const growing = defineSource('growing', {
  async start({ stepMs }, sink, signal) {
    for (let count = 1; count <= urls.length && !signal.aborted; count++) {
      if (!sink.found(urls.slice(0, count))) console.log('refused: see balancer.stats()')
      // Ends, by an error, as soon as the balancer stops.
      await sleep(stepMs, undefined, { signal })
    }
  },
})

const balancer = new Balancer({
  services: { users: { source: { name: growing, options: { stepMs: 200 } }, policy: 'round-robin' } },
})
await balancer.start()
for (let round = 1; round <= 3; round++) {
  while (balancer.service('users').endpoints.length < round) await sleep(20)
  const answers = await Promise.all(
    Array.from({ length: 6 }, async () => (await balancer.fetch('http://users/')).text()),
  )
  console.log(`${round} found: ${[...new Set(answers)].sort().join(' ')}`)
}
await balancer.stop()
for (const server of servers) server.close()
