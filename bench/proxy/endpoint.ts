/** What stands behind the proxies: 1 MiB for `/large`, two bytes for everything else, after the whole request. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Case } from '../harness/case.js'

const LARGE = Buffer.alloc(2 ** 20, 'x')
const SMALL = Buffer.from('ok')

export async function prepare(): Promise<Case> {
  const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
    request.resume().on('end', () => {
      const body = request.url === '/large' ? LARGE : SMALL
      response.writeHead(200, { 'content-length': body.length })
      response.end(body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { ready: { port: (server.address() as AddressInfo).port }, slice: () => ({}) }
}
