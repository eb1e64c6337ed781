/** The proxies, each a process of its own, in front of one endpoint. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { EngineKind } from '../harness/result.js'

export type Program = 'fairlead' | 'http-proxy' | 'haproxy' | 'nginx'

export interface Running {
  readonly port: number
  readonly pid: number
  stop(): Promise<void>
}

const PATIENCE_MS = 10_000
const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const HTTP_PROXY = fileURLToPath(new URL('./http-proxy.js', import.meta.url))

/** Whether a program is on this machine. */
export function installed(program: 'haproxy' | 'nginx'): boolean {
  try {
    execFileSync(program, ['-v'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Starts a proxy in front of the endpoint's port; resolves when it takes connections. */
export async function start(program: Program, endpoint: number, engine?: EngineKind): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-bench-'))
  const port = await freePort()
  const [command, args] = commandOf(program, folder, port, endpoint)
  const env = engine === undefined ? process.env : { ...process.env, FAIRLEAD_ENGINE: engine }
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env })
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  const stop = async (): Promise<void> => {
    await ended(child)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await takesConnections(port, child)
  } catch (error) {
    await stop()
    throw new Error(`${program} does not start: ${(error as Error).message}\n${said}`)
  }
  return { port, pid: child.pid as number, stop }
}

function commandOf(program: Program, folder: string, port: number, endpoint: number): [string, string[]] {
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  switch (program) {
    case 'fairlead': {
      const services = { app: { endpoints: [`http://127.0.0.1:${endpoint}`] } }
      const config = file('proxy.json', JSON.stringify({ listen: { port }, services }))
      return [process.execPath, [CLI, 'proxy', '--config', config]]
    }
    case 'http-proxy':
      return [process.execPath, [HTTP_PROXY, String(port), String(endpoint)]]
    case 'haproxy':
      return ['haproxy', ['-db', '-f', file('haproxy.cfg', haproxyConfig(port, endpoint))]]
    case 'nginx':
      return ['nginx', ['-p', folder, '-c', file('nginx.conf', nginxConfig(folder, port, endpoint))]]
  }
}

const haproxyConfig = (port: number, endpoint: number): string => `
global
  nbthread 1
defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
  option forwardfor
listen app
  bind 127.0.0.1:${port}
  server endpoint 127.0.0.1:${endpoint}
`

const nginxConfig = (folder: string, port: number, endpoint: number): string => `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr warn;
events {}
http {
  access_log off;
  client_body_temp_path ${folder};
  proxy_temp_path ${folder};
  fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder};
  scgi_temp_path ${folder};
  client_max_body_size 10m;
  upstream app { server 127.0.0.1:${endpoint}; keepalive 64; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_request_buffering off;
    }
  }
}
`

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function takesConnections(port: number, child: ChildProcess): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (performance.now() < end && child.exitCode === null) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true))
      socket.on('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (isOpen) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(child.exitCode === null ? 'nobody listens' : `it ended with ${child.exitCode}`)
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGKILL')
  await gone
}
