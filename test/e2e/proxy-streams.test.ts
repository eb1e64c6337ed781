import { existsSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { startEndpoint, startProxy } from './proxy-fixtures.js'

const MIB = 1024 * 1024
const BODY_BYTES = 128 * MIB
const PIECE = Buffer.alloc(64 * 1024, 'x')

/** The most memory that a process has held so far. Linux only. */
const peakMemory = (pid: number): number =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024

const canMeasure = existsSync('/proc/self/status')

/** Writes `bytes` no faster than they are taken. */
async function pour(sink: NodeJS.WritableStream, bytes: number): Promise<void> {
  for (let left = bytes; left > 0; left -= PIECE.length) {
    if (!sink.write(PIECE)) await new Promise((resolve) => sink.once('drain', resolve))
  }
  sink.end()
}

describe('fairlead proxy, large bodies', () => {
  it('streams both ways at once, in bounded memory', async () => {
    const endpoint = await startEndpoint((request, response) => {
      response.flushHeaders()
      request.pipe(response)
    })
    const { port, pid } = await startProxy({ services: { app: { endpoints: [endpoint.url] } } })
    const echoed = (bytes: number): Promise<number> =>
      new Promise((resolve, reject) => {
        let received = 0
        const sent = request({ host: '127.0.0.1', port, method: 'POST', agent: false }, (response) => {
          response.on('data', (chunk: Buffer) => {
            received += chunk.length
          })
          response.on('end', () => resolve(received))
          response.on('error', reject)
        })
        sent.on('error', reject)
        void pour(sent, bytes)
      })
    expect(await echoed(20 * MIB)).toBe(20 * MIB)
    // What is collected now and then has found its level; from here on size makes no difference.
    await echoed(BODY_BYTES / 2)
    const before = canMeasure ? peakMemory(pid) : 0
    expect(await echoed(BODY_BYTES)).toBe(BODY_BYTES)
    if (canMeasure) expect(peakMemory(pid) - before).toBeLessThan(BODY_BYTES / 4)
  })

  it('lets a client that does not read hold the endpoint back', async () => {
    let written = 0
    let held = () => {}
    const endpoint = await startEndpoint(async (_request, response) => {
      while (written < BODY_BYTES) {
        written += PIECE.length
        if (response.write(PIECE)) continue
        const drained = new Promise<boolean>((resolve) => response.once('drain', () => resolve(true)))
        const patience = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 500))
        if (await Promise.race([drained, patience])) continue
        held()
        await drained
      }
      response.end()
    })
    const { port } = await startProxy({ services: { app: { endpoints: [endpoint.url] } } })
    const endpointIsHeld = new Promise<void>((resolve) => {
      held = resolve
    })
    const socket = connect(port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
    await endpointIsHeld
    // What fits in the sockets' buffers of three processes.
    expect(written).toBeLessThan(BODY_BYTES / 2)
    let received = 0
    for await (const chunk of socket) received += (chunk as Buffer).length
    expect(written).toBe(BODY_BYTES)
    expect(received).toBeGreaterThan(BODY_BYTES)
  })

  it('lets an endpoint that does not read hold the client back', async () => {
    let goOn = () => {}
    let received = 0
    const endpoint = await startEndpoint((request, response) => {
      request.on('end', () => response.end('done'))
      goOn = () => {
        request.on('data', (chunk: Buffer) => {
          received += chunk.length
        })
      }
    })
    const { port } = await startProxy({ services: { app: { endpoints: [endpoint.url] } } })
    let written = 0
    const finished = new Promise<string>((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, method: 'POST', agent: false }, (response) => {
        response.setEncoding('utf8').on('data', resolve)
      })
      sent.on('error', reject)
      void (async () => {
        while (written < BODY_BYTES) {
          written += PIECE.length
          if (!sent.write(PIECE)) await new Promise((drained) => sent.once('drain', drained))
        }
        sent.end()
      })()
    })
    // Until it stands still.
    for (let before = -1; before !== written || written === 0; ) {
      before = written
      await new Promise((resolve) => setTimeout(resolve, 400))
    }
    expect(written).toBeLessThan(BODY_BYTES / 2)
    goOn()
    expect(await finished).toBe('done')
    expect(received).toBe(BODY_BYTES)
  })
})
