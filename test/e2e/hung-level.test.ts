/** A priority level of which all endpoints accept requests and answer none. */
import { expect, it } from 'vitest'
import { Balancer } from '../../lib/index.js'
import { TestEndpoint } from '../support/http-servers.js'
import { until } from '../support/until.js'

async function serve(name: string): Promise<TestEndpoint> {
  return new TestEndpoint(name, (_request, response) => response.end(name)).start()
}

it('a level of which all endpoints hang is left: what tells a hang from a slow service is an answer of the next level', async () => {
  const servers = await Promise.all(['one', 'two', 'far'].map(serve))
  const endpoints = servers.map(({ url }, i) => ({ url, priority: i === 2 ? 1 : 0 }))
  const balancer = new Balancer({ services: { users: { endpoints } } })
  let isOver = false
  let answered = 0
  const answer = async () => (await balancer.fetch('http://users/')).text()
  try {
    for (let i = 0; i < 20; i++) await answer()
    for (const server of servers.slice(0, 2)) server.handle = () => {}
    const load = async () => {
      while (!isOver) {
        void answer().then(
          () => answered++,
          () => {},
        )
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
    const running = load()
    // Five seconds of silence are a hang.
    await until(() => answered > 100)
    isOver = true
    await running
    expect(await Promise.all(Array.from({ length: 20 }, answer))).toEqual(Array(20).fill('far'))
    expect(servers[2].requests).toBeGreaterThan(100)
  } finally {
    isOver = true
    await balancer.stop({ drainMs: 0 })
    await Promise.all(servers.map((server) => server.kill()))
  }
})
