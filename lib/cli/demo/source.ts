/** Where fairlead's endpoints come from in the demonstration: listed, or found by a source, as its users would have it. */
import { createSocket } from 'node:dgram'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encode } from 'dns-packet'
import type { ServiceConfig } from '../../model/index.js'

export const SOURCE_KINDS = ['list', 'file', 'http', 'dns'] as const
export type SourceKind = (typeof SOURCE_KINDS)[number]

interface Listed {
  readonly id: string
  readonly url: string
}

const HOST = '127.0.0.1'
const TTL_S = 5
const NAME = 'demo.internal'

/** What the service is made of. What serves its source ends with the process. */
export async function serviceFrom(kind: SourceKind, endpoints: readonly Listed[]): Promise<ServiceConfig> {
  switch (kind) {
    case 'list':
      return { endpoints }
    case 'file':
      return { source: { file: { path: write(endpoints) } } }
    case 'http':
      return { source: { http: { url: await serve(endpoints) } } }
    case 'dns':
      return { source: { dns: { name: NAME, type: 'SRV', servers: [await answer(endpoints)] } } }
  }
}

function write(endpoints: readonly Listed[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-demo-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  // The demonstration has ended, or was ended.
  process.once('disconnect', remove)
  const path = join(folder, 'endpoints.json')
  writeFileSync(path, JSON.stringify(endpoints))
  return path
}

async function serve(endpoints: readonly Listed[]): Promise<string> {
  const server: Server = createServer((_request, response) => response.end(JSON.stringify(endpoints)))
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve))
  server.unref()
  return `http://${HOST}:${(server.address() as AddressInfo).port}/`
}

/** A DNS server that knows one name, whatever it is asked for. */
async function answer(endpoints: readonly Listed[]): Promise<string> {
  const socket = createSocket('udp4')
  const targets = endpoints.map(({ id, url }) => ({
    target: `${id.toLowerCase()}.${NAME}`,
    port: Number(new URL(url).port),
  }))
  socket.on('message', (query, { address, port }) => {
    const reply = encode({
      type: 'response',
      id: query.readUInt16BE(0),
      questions: [{ type: 'SRV', name: NAME }],
      answers: targets.map(({ target, port: at }) => ({
        type: 'SRV',
        name: NAME,
        ttl: TTL_S,
        data: { target, port: at, priority: 0, weight: 1 },
      })),
      additionals: targets.map(({ target }) => ({ type: 'A', name: target, ttl: TTL_S, data: HOST })),
    })
    socket.send(reply, port, address)
  })
  await new Promise<void>((resolve) => socket.bind(0, HOST, resolve))
  socket.unref()
  return `${HOST}:${socket.address().port}`
}
