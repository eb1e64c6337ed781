import { execFile } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { runCli, temporaryFile } from './cli-process.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const EXAMPLE = fileURLToPath(new URL('../../examples/simulate.yaml', import.meta.url))
const OVERLOAD = fileURLToPath(new URL('../../examples/overload.yaml', import.meta.url))
const GOOD = [
  'requests: 2000',
  'load: { utilization: 0.5 }',
  'serviceTime: { exponential: { meanMs: 10 } }',
  'endpoints: [{ count: 4 }]',
  'policies: [random, { name: least-request, choices: 3, label: three }]',
].join('\n')

const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'fairlead-plots-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return join(path, 'new', 'plots')
}

describe('fairlead simulate', () => {
  it('runs the example: a table with each policy, plots and results in a folder', async () => {
    const out = folder()
    const { code, stdout } = await runCli(['simulate', EXAMPLE, '--jobs', '3000', '--out', out])
    expect(code).toBe(0)
    for (const policy of ['peak-ewma', 'least request of all', 'join-idle-queue', 'prequal', 'round-robin'])
      expect(stdout).toMatch(new RegExp(`${policy} +│ +3,000 │`))
    expect(readdirSync(out).sort()).toEqual(['goodput.svg', 'latency.svg', 'load.svg', 'results.json'])
    for (const file of ['latency.svg', 'load.svg', 'goodput.svg']) {
      const svg = readFileSync(join(out, file), 'utf8')
      expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg".*>peak-ewma<.*<\/svg>\n$/s)
      expect(svg).not.toMatch(/NaN|Infinity|undefined/)
    }
  })

  it('runs the example of overload: goodput, waits and tiers in tables of their own', async () => {
    const out = folder()
    const { code, stdout } = await runCli(['simulate', OVERLOAD, '--policy', 'least-request', '--out', out])
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /│ policy +│ goodput │ of capacity │ refused │ timeouts │ waited │ wait p50 │ wait p99 │ at once │/,
    )
    expect(stdout).toMatch(/│ least-request │ +1\d\d\.\d\/s │ +[89]\d\.\d% │ +\d\d\.\d% │/)
    for (const [tier, answered] of [
      [0, '(?:99|100)'],
      [1, '[67]\\d'],
      [2, '1\\d'],
    ])
      expect(stdout).toMatch(new RegExp(`│ least-request │ +${tier} │ +[\\d,]+ │ +${answered}\\.\\d% │`))
    expect(readFileSync(join(out, 'goodput.svg'), 'utf8')).toMatch(
      /least-request: 60\.\d* to 6\d\.?\d* s: \d+ of \d+ a second/,
    )
    const [result] = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')).results
    expect(result.goodput).toMatchObject({ capacity: 120 })
    expect(result.overTime.goodput).toHaveLength(60)
    expect(result.tiers).toHaveLength(3)
  })

  it('prints no table of overload where there is none', async () => {
    const { stdout } = await runCli(['simulate', temporaryFile('simulation.yaml', GOOD)])
    expect(stdout).toContain('max/mean')
    expect(stdout).not.toContain('goodput')
  })

  it('prints one JSON document; the same seed gives the same', async () => {
    const file = temporaryFile('simulation.yaml', GOOD)
    const args = ['simulate', file, '--json', '--seed', '9', '--policy', 'three,peak-ewma']
    const [once, again] = [await runCli(args), await runCli(args)]
    expect(once).toMatchObject({ code: 0, stderr: '' })
    expect(again.stdout).toBe(once.stdout)
    const { seed, results } = JSON.parse(once.stdout)
    expect(seed).toBe(9)
    expect(
      results.map(({ policy, requests }: { policy: string; requests: number }) => [policy, requests]),
    ).toEqual([
      ['three', 2000],
      ['peak-ewma', 2000],
    ])
    expect(results[0].endpoints).toHaveLength(4)
  })

  it('says every fault of the file with its line, and writes nothing', async () => {
    const text = GOOD.replace('utilization: 0.5', 'utilisation: 0.5').replace('least-request', 'least-reqest')
    const file = temporaryFile('simulation.yaml', text)
    const out = folder()
    const { code, stdout, stderr } = await runCli(['simulate', file, '--out', out])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(
      'line 2: load.utilisation: unknown key `utilisation`; did you mean `utilization`?',
    )
    expect(existsSync(out)).toBe(false)
  })

  it.each([
    ['endpoints: [{ count: 4 }', 'line 1, column'],
    ['- a', 'the file: must be an object with `load`, `serviceTime` and `endpoints`, not an array'],
    [
      GOOD.replace('random,', 'randm,'),
      'line 5: policies[0]: unknown policy "randm"; did you mean `random`?',
    ],
    [GOOD.replace('count: 4', 'count: 4, weight: -1'), 'line 4: endpoints[0].weight: must be'],
  ])('refuses %j', async (text, fault) => {
    const { code, stderr } = await runCli(['simulate', temporaryFile('simulation.yaml', text)])
    expect(code).toBe(1)
    expect(stderr).toContain(fault)
  })

  it('names a policy of the command line that there is not, and a folder that cannot be', async () => {
    const file = temporaryFile('simulation.yaml', GOOD)
    const policy = await runCli(['simulate', file, '--policy', 'fastest'])
    expect(policy).toMatchObject({ code: 1, stderr: expect.stringContaining('unknown policy "fastest"') })
    const out = await runCli(['simulate', file, '--out', join(file, 'plots')])
    expect(out).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot be made a folder') })
  })

  it('says that plots take vega where it is missing, before it simulates; without plots it needs none', async () => {
    const main = join(withoutVega(), 'dist/cli/main.js')
    const args = [main, 'simulate', temporaryFile('simulation.yaml', GOOD)]
    const out = folder()
    const run = (more: string[]) =>
      new Promise<{ failed: boolean; stdout: string; stderr: string }>((resolve) => {
        const options = { env: { ...process.env, FAIRLEAD_ENGINE: 'fallback' } }
        execFile(process.execPath, [...args, ...more], options, (error, stdout, stderr) =>
          resolve({ failed: error !== null, stdout, stderr }),
        )
      })
    const plots = await run(['--out', out])
    expect(plots).toMatchObject({ failed: true, stdout: '' })
    expect(plots.stderr).toMatch(/^fairlead: A plot takes the package "vega",.*: npm install vega@6\n$/)
    expect(existsSync(out)).toBe(false)
    const tables = await run([])
    expect(tables).toMatchObject({ failed: false, stdout: expect.stringMatching(/three +│ +2,000 │/) })
  })

  it('says how far it is where it takes longer than a second', async () => {
    const file = temporaryFile('simulation.yaml', GOOD)
    const { code, stderr } = await runCli(['simulate', file, '--jobs', '3000000', '--policy', 'random'])
    expect(code).toBe(0)
    expect(stderr).toMatch(/^random: \d+%\n/)
  })
})

/** The compiled package in a place where only what it depends on is installed. */
function withoutVega(): string {
  const path = mkdtempSync(join(tmpdir(), 'fairlead-without-vega-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  for (const name of ['dist', 'package.json']) cpSync(join(ROOT, name), join(path, name), { recursive: true })
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  for (const name of Object.keys(dependencies)) {
    const link = join(path, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', name), link, 'dir')
  }
  return path
}
