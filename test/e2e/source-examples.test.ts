/**
 * The examples of examples/sources/, each run for real, with other addresses and ports: the proxy as a process over each source,
 * one request, then a change that it follows. DNS is a real server; Kubernetes and Consul are servers that were written for tests.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { parseProxyConfig } from '../../lib/cli/proxy/config.js'
import { parseList } from '../../lib/sources/parse-list.js'
import { ConsulServer, instance } from '../sources/consul/consul-server.js'
import { DNSMASQ, freePort, startDnsmasq } from '../sources/dns/dnsmasq.js'
import { ApiServer } from '../sources/kubernetes/api-server.js'
import { ready, slice } from '../sources/kubernetes/slice.js'
import { until } from '../support/until.js'
import { startCli, temporaryFile } from './cli-process.js'
import { ask, startEndpoint } from './proxy-fixtures.js'

const FOLDER = join(import.meta.dirname, '../../examples/sources')
const CASE_MS = 60_000
const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8')

/** A script of the folder as a process; resolves with the first lines that it prints. */
async function startScript(name: string, args: string[], lines = 1): Promise<string[]> {
  const child = spawn(process.execPath, [join(FOLDER, name), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  })
  let text = ''
  for await (const chunk of child.stdout) {
    text += chunk
    const printed = text.split('\n').slice(0, -1)
    if (printed.length >= lines) return printed
  }
  throw new Error(`${name} ended; it printed: ${text}`)
}

/** The proxy over an example, in which some text is another one. Each has to be there. */
async function startExample(name: string, changes: Record<string, string>): Promise<number> {
  let text = read(name)
  for (const [from, to] of Object.entries(changes)) {
    expect(text).toContain(from)
    text = text.replaceAll(from, to)
  }
  const running = startCli(['proxy', '--config', temporaryFile(name, text), '--port', '0'])
  await running.printed(/listening on http:\S+/)
  return Number(/listening on http:\/\/[^/\s]*:(\d+)/.exec(running.stdout())?.[1])
}

/** Whose answers come, in as many requests as have all of two by turns. */
async function answerers(port: number): Promise<string> {
  const answers = [await ask(port, '/'), await ask(port, '/')]
  for (const { status } of answers) if (status !== 200) return `status ${status}`
  return [...new Set(answers.map(({ body }) => body))].sort().join(' ')
}

/** Waits for the first answers, makes the change, and waits for what follows from it; no request fails from then on. */
async function follows(port: number, change: () => unknown): Promise<void> {
  await until(async () => (await answerers(port)) === 'a')
  await change()
  for (;;) {
    const seen = await answerers(port)
    if (seen === 'a b') return
    expect(seen).toBe('a')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const startTwo = async (): Promise<{ url: string; port: number }[]> =>
  Promise.all(['a', 'b'].map((name) => startEndpoint((_, response) => response.end(name))))

/** Two servers on one port: 127.0.0.0/8 is the loopback on Linux. */
async function startTwoAddresses(): Promise<{ addresses: string[]; port: number }> {
  const port = await freePort()
  const addresses = ['127.0.5.1', '127.0.5.2']
  await Promise.all(
    addresses.map(async (address, i) => {
      const server = createServer((_, response) => response.end('ab'[i])).listen(port, address)
      onTestFinished(() => {
        server.closeAllConnections()
        server.close()
      })
      await once(server, 'listening')
    }),
  )
  return { addresses, port }
}

describe('the proxy follows', { timeout: CASE_MS }, () => {
  it('a file', async () => {
    const [a, b] = await startTwo()
    const list = (...urls: string[]) => JSON.stringify({ endpoints: urls })
    const path = temporaryFile('endpoints.yaml', list(a.url))
    const port = await startExample('file.yaml', { 'examples/sources/endpoints.yaml': path })
    await follows(port, () => {
      writeFileSync(join(dirname(path), 'new'), list(a.url, b.url))
      renameSync(join(dirname(path), 'new'), path)
    })
  })

  it.each(['http.yaml', 'events.yaml'])('a server, as in %s', async (example) => {
    const [a, b] = await startTwo()
    const [registry] = await startScript('registry.mjs', ['0', a.url])
    const port = await startExample(example, { "'http://127.0.0.1:9000": `'${registry}` })
    await follows(port, async () => {
      const body = JSON.stringify([a.url, b.url])
      expect(await (await fetch(`${registry}/users`, { method: 'PUT', body })).text()).toBe('taken\n')
    })
  })

  it.skipIf(DNSMASQ === undefined)('DNS', async () => {
    const { addresses, port: behind } = await startTwoAddresses()
    const hosts = temporaryFile('hosts', `${addresses[0]} users.internal\n`)
    const dns = await startDnsmasq([`--addn-hosts=${hosts}`, '--local-ttl=1', '--local=/internal/'])
    onTestFinished(() => dns.stop())
    const port = await startExample('dns.yaml', {
      "['127.0.0.1:5300']": `['${dns.address}']`,
      'port: 8081': `port: ${behind}`,
    })
    await follows(port, () => {
      writeFileSync(hosts, addresses.map((address) => `${address} users.internal\n`).join(''))
      dns.reload()
    })
  })

  it('Kubernetes, as the test server has it', async () => {
    const { addresses, port: behind } = await startTwoAddresses()
    const api = new ApiServer()
    onTestFinished(() => api.goAway())
    await api.start()
    const scale = (count: number) =>
      api.put(
        slice({
          ports: [{ name: 'http', protocol: 'TCP', port: behind }],
          endpoints: addresses.slice(0, count).map((address) => ready(address)),
        }),
      )
    scale(1)
    const port = await startExample('kubernetes.yaml', { "'http://127.0.0.1:8001'": `'${api.origin}'` })
    await follows(port, () => scale(2))
    expect(api.lists[0].namespace).toBe('shop')
  })

  it('Consul, as the test server has it', async () => {
    const [a, b] = await startTwo()
    const consul = new ConsulServer()
    onTestFinished(() => consul.goAway())
    await consul.start()
    consul.put([instance('127.0.0.1', a.port)])
    const port = await startExample('consul.yaml', { "'http://127.0.0.1:8500'": `'${consul.origin}'` })
    await follows(port, () => consul.put([instance('127.0.0.1', a.port), instance('127.0.0.1', b.port)]))
    expect(consul.asked[0].service).toBe('users')
  })
})

it('a source of your own gives one endpoint more each time', { timeout: CASE_MS }, async () => {
  expect(await startScript('own.mjs', [], 3)).toEqual(['1 found: a', '2 found: a b', '3 found: a b c'])
})

it('the servers that requests are sent to answer with their port', async () => {
  const [one, two] = await startScript('endpoints.mjs', ['0', '0'], 2)
  for (const url of [one, two]) expect(await (await fetch(url)).text()).toBe(`${new URL(url).port}\n`)
})

describe('as they are', () => {
  const configs = readdirSync(FOLDER).filter(
    (name) => name.endsWith('.yaml') && /^services:/m.test(read(name)),
  )

  it.each(configs)('%s is a configuration of the proxy, and says how to run it', (name) => {
    expect(() => parseProxyConfig(parse(read(name)))).not.toThrow()
    expect(read(name)).toMatch(new RegExp(`^#   npx fairlead \\S+ .*--config examples/sources/${name}$`, 'm'))
  })

  it('all of them are in the list, which has nothing else', () => {
    const listed = new Set(
      [...read('README.md').matchAll(/`([\w-]+\.(?:yaml|mjs))`/g)].map(([, name]) => name),
    )
    const files = readdirSync(FOLDER).filter((name) => name !== 'README.md' && name !== 'endpoints.mjs')
    expect([...listed].sort()).toEqual(files.sort())
    expect(configs).toHaveLength(6)
  })

  it('endpoints.yaml is a list', () => {
    expect(parseList(read('endpoints.yaml'))).toEqual(['http://127.0.0.1:8081'])
  })

  it('the recipe for Kubernetes holds a right configuration, and the rights that it needs', () => {
    const documents = parseAllDocuments(read('kubernetes-recipe.yaml'))
    for (const { errors } of documents as { errors: unknown[] }[]) expect(errors).toEqual([])
    const objects = (documents as { toJS(): Record<string, never> }[]).map((one) => one.toJS())
    const of = (kind: string, name: string) =>
      objects.find((one) => one['kind'] === kind && one['metadata']['name'] === name) as never
    const config = parseProxyConfig(parse(of('ConfigMap', 'fairlead')['data']['proxy.yaml']))
    expect(config.balancer.services.users.source).toEqual({ kubernetes: { service: 'users', port: 'http' } })
    expect(of('Service', 'users')['spec']['ports']).toMatchObject([{ name: 'http' }])
    expect(of('Role', 'endpointslices')['rules']).toEqual([
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['get', 'list', 'watch'] },
    ])
    const { roleRef, subjects } = of('RoleBinding', 'endpointslices') as Record<string, never>
    expect(roleRef['name']).toBe('endpointslices')
    const { spec } = of('Deployment', 'fairlead')['spec']['template'] as Record<string, never>
    expect((subjects as { name: string }[])[0].name).toBe(spec['serviceAccountName'])
    expect(
      objects.every((one) => one['kind'] === 'Namespace' || one['metadata']['namespace'] === 'shop'),
    ).toBe(true)
  })
})
