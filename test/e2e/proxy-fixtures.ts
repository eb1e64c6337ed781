/** Endpoints for the proxy, and the proxy as a real process. */
import { type ChildProcess, fork } from 'node:child_process'
import { createServer, type IncomingMessage, type RequestListener, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { type Running, startCli, temporaryFile } from './cli-process.js'

export interface Endpoint {
  readonly url: string
  readonly port: number
  readonly server: Server
}

/** An endpoint in this process, closed when the test ends. */
export async function startEndpoint(listener: RequestListener): Promise<Endpoint> {
  const server = createServer({ requestTimeout: 0 }, listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, port, server }
}

export interface KillableEndpoint {
  readonly url: string
  kill(): Promise<void>
}

const CHILD = `
const server = require('node:http').createServer((request, response) => {
  setTimeout(() => response.end(process.argv[2]), 5)
})
process.on('disconnect', () => process.exit())
server.listen(Number(process.argv[3]), '127.0.0.1', () => process.send(server.address().port))
`

/** An endpoint in a process of its own, which answers with its name. */
export async function startKillableEndpoint(name: string, port = 0): Promise<KillableEndpoint> {
  const child: ChildProcess = fork(temporaryFile('endpoint.cjs', CHILD), [name, String(port)])
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const kill = () => {
    child.kill('SIGKILL')
    return gone
  }
  onTestFinished(kill)
  const bound = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve(message as number))
    child.once('exit', () => reject(new Error('the endpoint did not start')))
  })
  return { url: `http://127.0.0.1:${bound}`, kill }
}

export interface RunningProxy extends Running {
  readonly port: number
  readonly file: string
}

/** `fairlead proxy` on a free port, once it listens. */
export async function startProxy(config: object, args: readonly string[] = []): Promise<RunningProxy> {
  const file = temporaryFile('proxy.json', JSON.stringify(config))
  const running = startCli(['proxy', '--config', file, '--port', '0', ...args])
  await running.printed(/listening on http:\S+/)
  const port = Number(/listening on http:\/\/[^/\s]*:(\d+)/.exec(running.stdout())![1])
  return { ...running, port, file }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly rawHeaders: string[]
  readonly trailers: IncomingMessage['trailers']
  readonly body: string
}

export interface AskOptions {
  readonly method?: string
  readonly headers?: Record<string, string | string[]>
  readonly body?: string
}

/** One request on a connection of its own. */
export function ask(
  port: number,
  path: string,
  { method = 'GET', headers, body }: AskOptions = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('error', reject)
      response.on('end', () => {
        const { statusCode = 0, headers, rawHeaders, trailers } = response
        resolve({ status: statusCode, headers, rawHeaders, trailers, body: text })
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Waits until something is true; the test's own time limit ends the wait. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}
