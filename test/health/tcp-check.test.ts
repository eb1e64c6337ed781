import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { tcpCheck } from '../../lib/health/active/tcp-check.js'
import { endpointAt, noAbort, serve } from '../support/health-servers.js'

describe('tcpCheck', () => {
  it.each(['http', 'https'])(
    'passes when somebody listens, for %s endpoints too, and closes the connection',
    async (scheme) => {
      const server = await serve(createServer())
      const result = await tcpCheck(endpointAt(`${scheme}://127.0.0.1:${server.port}`), 2000, noAbort())
      expect(result).toEqual({ ok: true, detail: 'connected', latencyMs: expect.any(Number) })
      expect(result.latencyMs).toBeGreaterThanOrEqual(0)
      await server.allClosed()
      expect(server.accepted()).toBe(1)
    },
  )

  it('resolves host names', async () => {
    const server = await serve(createServer())
    expect(await tcpCheck(endpointAt(`http://localhost:${server.port}`), 2000, noAbort())).toMatchObject({
      ok: true,
    })
  })

  it('takes the brackets off IPv6 literals', async ({ skip }) => {
    const server = createServer((socket) => socket.destroy())
    const listening = await new Promise<boolean>((resolve) =>
      server.on('error', () => resolve(false)).listen(0, '::1', () => resolve(true)),
    )
    if (!listening) skip('this machine has no IPv6')
    const { port } = server.address() as { port: number }
    try {
      expect(await tcpCheck(endpointAt(`http://[::1]:${port}`), 2000, noAbort())).toMatchObject({ ok: true })
    } finally {
      server.close()
    }
  })
})
