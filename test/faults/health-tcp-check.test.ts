import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isJoinedToItself, tcpCheck } from '../../lib/health/active/tcp-check.js'
import { deafPort } from '../support/deaf-port.js'
import { endpointAt, noAbort, serve } from '../support/health-servers.js'

/** TCP sockets of this process that are still there, listening ones included. */
const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP')).length

describe('tcpCheck against endpoints that do not work', () => {
  it('says that the connection was refused', async () => {
    const server = await serve(createServer())
    await server.stop()
    const result = await tcpCheck(endpointAt(`http://127.0.0.1:${server.port}`), 2000, noAbort())
    expect(result).toMatchObject({ ok: false, detail: 'connection refused (ECONNREFUSED)' })
  })

  it('says so for a name with several addresses too', async () => {
    const server = await serve(createServer())
    await server.stop()
    const result = await tcpCheck(endpointAt(`http://localhost:${server.port}`), 2000, noAbort())
    expect(result).toMatchObject({ ok: false, detail: 'connection refused (ECONNREFUSED)' })
  })

  it('says that the name does not exist', async () => {
    const result = await tcpCheck(endpointAt('http://no-such-host.invalid:80'), 4000, noAbort())
    expect(result.ok).toBe(false)
    expect(result.detail).toMatch(
      /^host name (not found \(ENOTFOUND\)|cannot be resolved at the moment \(EAI_AGAIN\))$/,
    )
  })

  it.runIf(process.platform === 'linux')(
    'gives up a connection that nobody accepts, and its socket',
    async () => {
      const port = await deafPort()
      const before = sockets()
      const result = await tcpCheck(endpointAt(`http://127.0.0.1:${port}`), 300, noAbort())
      expect(result).toMatchObject({ ok: false, detail: 'no connection within 300 ms' })
      expect(sockets()).toBe(before)
    },
  )

  it('ends at once, with its socket, when it is cancelled', async () => {
    const server = await serve(createServer())
    const endpoint = endpointAt(`http://127.0.0.1:${server.port}`)
    const before = sockets()
    const cancelled = { ok: false, detail: 'the check was cancelled' }
    expect(await tcpCheck(endpoint, 2000, AbortSignal.abort())).toMatchObject(cancelled)
    const controller = new AbortController()
    const checking = tcpCheck(endpoint, 2000, controller.signal)
    controller.abort()
    expect(await checking).toMatchObject(cancelled)
    expect(sockets()).toBe(before)
    await server.allClosed()
  })

  it.runIf(process.platform === 'linux')('knows a socket that was joined to itself', async () => {
    const server = await serve(createServer())
    const other = connect(server.port, '127.0.0.1')
    onTestFinished(() => void other.destroy())
    await once(other, 'connect')
    expect(isJoinedToItself(other)).toBe(false)
    const { port } = await serve(createServer()).then(async (free) => {
      await free.stop()
      return free
    })
    const itself = connect({ port, host: '127.0.0.1', localPort: port, localAddress: '127.0.0.1' })
    onTestFinished(() => void itself.destroy())
    await once(itself, 'connect')
    expect(isJoinedToItself(itself)).toBe(true)
  })

  it('fails for an endpoint that no socket takes, instead of throwing', async () => {
    const endpoint = { ...endpointAt('http://127.0.0.1:80'), port: 70_000 }
    const result = await tcpCheck(endpoint, 2000, noAbort())
    expect(result.ok).toBe(false)
    expect(result.detail).toContain('ERR_SOCKET_BAD_PORT')
  })
})
