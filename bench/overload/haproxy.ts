/** HAProxy over the same endpoints, with the queue that it is known for. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const START_MS = 5_000

/** Whether there is a HAProxy on this machine; and which. */
export function haproxyVersion(): string | undefined {
  const { status, stdout } = spawnSync('haproxy', ['-v'], { encoding: 'utf8' })
  return status === 0 ? /version (\S+)/.exec(stdout)?.[1] : undefined
}

export async function startHaproxy(
  ports: readonly number[],
  maxconn: number,
  queueMs: number,
): Promise<{ origin: string; stop(): Promise<void> }> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-haproxy-'))
  const file = join(folder, 'haproxy.cfg')
  writeFileSync(file, configuration(port, ports, maxconn, queueMs))
  const child = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  const stop = async () => {
    await ended(child)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await listening(port, child)
  } catch (error) {
    await stop()
    throw new Error(`HAProxy does not listen: ${said}`, { cause: error })
  }
  return { origin: `http://127.0.0.1:${port}`, stop }
}

const configuration = (port: number, ports: readonly number[], maxconn: number, queueMs: number): string => `
global
  maxconn 4000
defaults
  mode http
  option abortonclose
  option http-keep-alive
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout queue ${queueMs}ms
frontend in
  bind 127.0.0.1:${port}
  default_backend endpoints
backend endpoints
  balance leastconn
${ports.map((one, i) => `  server e${i} 127.0.0.1:${one} maxconn ${maxconn}`).join('\n')}
`

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

async function listening(port: number, child: ChildProcess): Promise<void> {
  const until = performance.now() + START_MS
  while (child.exitCode === null && performance.now() < until) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (isOpen) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`nothing listens on port ${port}`)
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  const end = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGKILL')
  return end
}
