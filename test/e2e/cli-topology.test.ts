/** `fairlead topology`, as a real process over real files. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { until } from '../support/until.js'
import { startCli } from './cli-process.js'

let folder: string
let config: string
let list: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-topology-'))
  config = join(folder, 'config.yaml')
  list = join(folder, 'users.yaml')
  writeFileSync(
    config,
    `listen: { port: 0 }
routes: [{ service: users }]
services:
  users:
    endpoints: ['http://10.0.0.1:8080']
    source: { file: { path: '${list}' } }
    health: { http: { path: /healthz } }
  orders: { endpoints: ['http://10.0.1.1:8080'] }
`,
  )
  writeFileSync(list, '- { url: "http://10.0.0.2:8080", weight: 3, region: eu, zone: a }\n')
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

const run = (...args: string[]) => startCli(['topology', '--config', config, ...args]).finished

it('shows sources and endpoints, of a proxy’s file too', async () => {
  const { code, stdout, stderr } = await run()
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/users\n {2}file .*users\.yaml: 1 endpoint, \d\.\d s ago\n/)
  expect(stdout).toMatch(/http:\/\/10\.0\.0\.2:8080 +│ +3 │ +0 │ eu +│ a /)
  expect(stdout).toContain('http://10.0.1.1:8080')
})

it.each([
  ['not on a build server', { CI: 'true' }, false],
  ['where they are asked for', { FORCE_COLOR: '1' }, true],
])('has colours for a terminal, and %s', async (_where, env, isColoured) => {
  const { stdout } = await startCli(['topology', '--config', config], env).finished
  expect(stdout.includes('\u001b[')).toBe(isColoured)
})

it('as JSON, of one service', async () => {
  const { code, stdout } = await run('--json', '--service', 'users')
  expect(code).toBe(0)
  const { services } = JSON.parse(stdout)
  expect(Object.keys(services)).toEqual(['users'])
  expect(services.users.sources).toMatchObject([{ source: `file ${list}`, endpoints: 1 }])
  expect(services.users.endpoints.map(({ id }: { id: string }) => id)).toEqual([
    'http://10.0.0.1:8080',
    'http://10.0.0.2:8080',
  ])
})

it('as a graph that Graphviz reads, whatever the names', async () => {
  writeFileSync(
    list,
    '- { id: "a \\"quoted\\" \\\\ one", url: "http://10.0.0.2:8080", region: eu, zone: a }\n',
  )
  const { code, stdout } = await run('--dot')
  expect(code).toBe(0)
  expect(stdout).toContain('"users" -> "users a \\"quoted\\" \\\\ one"')
  expect(stdout).toContain('label="eu / a"')
  if (!hasGraphviz()) return
  expect(String(execFileSync('dot', ['-Tsvg'], { input: stdout }))).toContain('</svg>')
})

function hasGraphviz(): boolean {
  try {
    execFileSync('dot', ['-V'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

it('says what is wrong with a source, and ends with 1', async () => {
  rmSync(list)
  const { code, stdout } = await run()
  expect(code).toBe(1)
  expect(stdout).toMatch(/users\.yaml: 0 endpoints; ENOENT/)
})

it('watches: a line for each change, until it is interrupted', async () => {
  const watching = startCli(['topology', '--config', config, '--json', '--watch', '--service', 'users'])
  const lines = () => watching.stdout().trimEnd().split('\n')
  const count = () => JSON.parse(lines().at(-1) ?? '').services.users.endpoints.length
  await watching.printed('10.0.0.2')
  writeFileSync(list, '- http://10.0.0.2:8080\n- http://10.0.0.3:8080\n')
  await until(() => watching.stdout().endsWith('\n') && count() === 3)
  watching.child.kill('SIGINT')
  const { code, stderr } = await watching.finished
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
})

it.each([
  [['--service', 'nobody'], 1, /has no service "nobody"; it has `users`, `orders`/],
  [['--json', '--dot'], 2, /cannot be used with/],
])('%j is refused', async (args, code, why) => {
  const finished = await run(...args)
  expect(finished.code).toBe(code)
  expect(finished.stderr).toMatch(why)
})

it('tells faults of the file with their lines', async () => {
  writeFileSync(config, 'services:\n  users:\n    source: { file: {} }\n')
  const { code, stderr } = await run()
  expect(code).toBe(1)
  expect(stderr).toMatch(/line 3: services\.users\.source\.file\.path: is missing/)
})
