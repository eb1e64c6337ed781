/** A child process: one endpoint of the demonstration, a real HTTP server with a bounded number of workers. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { endWithParent, jobOf } from './child.js'
import type { FromServer, ServerJob, ToServer } from './messages.js'

const RELISTEN_MS = 50
const RELISTEN_TRIES = 40

const job = jobOf<ServerJob>()
const waiting: { response: ServerResponse; work: number }[] = []
let factor = 1
let working = 0

const tell = (message: FromServer): void => void process.send?.(message)

function workOn(): void {
  while (working < job.workers) {
    const next = waiting.shift()
    if (next === undefined) return
    // Its client has given up.
    if (job.noticesAborts && next.response.destroyed) continue
    working++
    setTimeout(
      () => {
        working--
        next.response.setHeader('x-endpoint', job.name)
        next.response.end(JSON.stringify({ endpoint: job.name, work: next.work }))
        workOn()
      },
      job.medianMs * factor * next.work,
    )
  }
}

const server = createServer((request, response) => {
  request.resume()
  const work = Number(new URL(request.url ?? '/', 'http://demo').searchParams.get('work'))
  waiting.push({ response, work })
  workOn()
})

/** A revived endpoint gets its old port, which a passing connection of another process may hold for a moment. */
function listen(triesLeft: number): void {
  server.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE' || triesLeft === 0) throw error
    setTimeout(() => listen(triesLeft - 1), RELISTEN_MS)
  })
  server.listen(job.port, '127.0.0.1')
}

server.on('listening', () => tell({ type: 'listening', port: (server.address() as AddressInfo).port }))
process.on('message', (message: ToServer) => {
  factor = message.factor
  tell({ type: 'factor-set' })
})
endWithParent()
listen(RELISTEN_TRIES)
