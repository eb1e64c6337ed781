/** A real DNS server on loopback, with records of the test's own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'

const PLACES = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
export const DNSMASQ = PLACES.map((place) => join(place, 'dnsmasq')).find((path) => existsSync(path))

const START_MS = 10_000

export interface Dnsmasq {
  /** As `lookup` takes it. */
  readonly address: string
  /** Reads its files of hosts again. */
  reload(): void
  stop(): Promise<void>
}

/** Free for UDP and TCP; closed again, so that nothing answers there. */
export async function freePort(): Promise<number> {
  for (;;) {
    const tcp = createServer().listen(0, '127.0.0.1')
    await once(tcp, 'listening')
    const { port } = tcp.address() as { port: number }
    const udp = createSocket('udp4')
    const free = await new Promise<boolean>((resolve) => {
      udp.once('error', () => resolve(false))
      udp.bind(port, '127.0.0.1', () => resolve(true))
    })
    udp.close()
    await new Promise((resolve) => tcp.close(resolve))
    if (free) return port
  }
}

/** Resolves once it serves. */
export async function startDnsmasq(records: readonly string[], at?: number): Promise<Dnsmasq> {
  const port = at ?? (await freePort())
  const options = ['--no-daemon', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--bind-interfaces']
  const child = spawn(
    DNSMASQ ?? 'dnsmasq',
    [...options, `--port=${port}`, '--listen-address=127.0.0.1', ...records],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  try {
    await started(child)
  } catch (error) {
    await stop(child)
    throw error
  }
  return { address: `127.0.0.1:${port}`, reload: () => void child.kill('SIGHUP'), stop: () => stop(child) }
}

function started(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    const fail = (why: string): void => reject(new Error(`dnsmasq ${why}: ${said}`))
    const timer = setTimeout(() => fail('did not start in time'), START_MS)
    child.stderr?.on('data', (chunk) => {
      said += chunk
      if (!/started, version/.test(said)) return
      clearTimeout(timer)
      resolve()
    })
    child.once('error', (error) => fail(error.message))
    child.once('exit', (code) => {
      clearTimeout(timer)
      fail(`ended with ${code}`)
    })
  })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}
