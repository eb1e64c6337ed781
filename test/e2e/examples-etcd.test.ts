/** `examples/etcd/` against a real etcd. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { ETCD, Etcd, WITH_ETCD } from '../support/etcd.js'
import { until } from '../support/until.js'
import { startCli } from './cli-process.js'

const example = (name: string): string =>
  fileURLToPath(new URL(`../../examples/etcd/${name}`, import.meta.url))

let etcd: Etcd
let folder: string | undefined
const children: ChildProcess[] = []

afterEach(async () => {
  await Promise.all(
    children.splice(0).map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    }),
  )
  await etcd?.stop()
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
})

function run(name: string, env: Record<string, string> = {}): { child: ChildProcess; text: () => string } {
  const child = spawn(process.execPath, [example(name)], {
    env: { ...process.env, ETCD: etcd.servers.join(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => {
      text += chunk
    })
  return { child, text: () => text }
}

describe.skipIf(ETCD === undefined)(`the examples with ${WITH_ETCD}`, { timeout: 60_000 }, () => {
  it('services come and go under the client, and `fairlead topology` shows them', async () => {
    etcd = await Etcd.start()
    const services = [run('service.mjs'), run('service.mjs')]
    for (const { text } of services) await until(() => /serves, registered as/.test(text()))
    const urls = services.map(({ text }) => text().split(' ')[0])

    const client = run('client.mjs')
    const answeredBy = (i: number) => client.text().includes(`hello from process ${services[i].child.pid}`)
    await until(() => answeredBy(0) && answeredBy(1))

    folder = mkdtempSync(join(tmpdir(), 'fairlead-example-'))
    const config = join(folder, 'topology.yaml')
    const given = readFileSync(example('topology.yaml'), 'utf8')
    writeFileSync(
      config,
      given.replace('service: hello } }', `service: hello, servers: ['${etcd.servers}'] } }`),
    )
    const { code, stdout } = await startCli(['topology', '--config', config]).finished
    expect(code).toBe(0)
    expect(stdout).toMatch(/etcd fairlead\/services\/hello\/: 2 endpoints/)
    for (const url of urls) expect(stdout).toContain(url)

    writeFileSync(config, readFileSync(config, 'utf8').replace('port: 8000', 'port: 0'))
    const proxy = startCli(['proxy', '--config', config])
    await proxy.printed(/http:\/\/\S+:\d+/)
    const [address] = /http:\/\/[^\s:]+:\d+/.exec(proxy.stdout()) as RegExpExecArray
    expect(await (await fetch(`${address}/`)).text()).toMatch(/hello from process \d+/)

    services[0].child.kill('SIGTERM')
    const [exitCode] = await once(services[0].child, 'exit')
    expect(exitCode).toBe(0)
    const removed = `endpoint: ${new URL(urls[0]).host} removed`
    await until(() => client.text().includes(removed))
    await until(() => (client.text().split(removed)[1].match(/hello/g) ?? []).length > 5)
    expect(client.text()).not.toContain('failed')

    const last = run('client.mjs', { REQUESTS: '3' })
    const [clientCode] = await once(last.child, 'exit')
    expect(clientCode).toBe(0)
    expect(last.text().match(/hello/g)).toHaveLength(3)
  })
})
