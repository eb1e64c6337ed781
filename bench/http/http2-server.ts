/** Three endpoints that speak HTTP/2 over TLS and answer at once, in one process, so that they keep to one core. */
import { readFileSync } from 'node:fs'
import { createSecureServer, type Http2SecureServer } from 'node:http2'
import type { Case } from '../harness/case.js'
import { BODY } from './fast-server.js'
import { busySince } from './server-load.js'

const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../../test/fixtures/tls/${name}.pem`, import.meta.url))

function listen(): Promise<Http2SecureServer> {
  const server = createSecureServer({ cert: fixture('server'), key: fixture('server-key') })
  server.on('stream', (stream) => {
    stream.on('error', () => {})
    stream.respond({
      ':status': 200,
      'content-type': 'application/json',
      'content-length': BODY.length,
    })
    stream.end(BODY)
  })
  server.on('sessionError', () => {})
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve(server))
  })
}

export async function prepare({ endpoints }: { endpoints: number }): Promise<Case> {
  const servers: Http2SecureServer[] = []
  while (servers.length < endpoints) servers.push(await listen())
  return {
    ready: Object.fromEntries(
      servers.map((server, i) => [`port${i}`, (server.address() as { port: number }).port]),
    ),
    slice: busySince(),
  }
}
