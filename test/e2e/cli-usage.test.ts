import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { runCli, startCli, temporaryFile } from './cli-process.js'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

describe('fairlead', () => {
  it('prints its version', async () => {
    expect(await runCli(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' })
  })

  it('lists the commands that are there, with examples', async () => {
    const { code, stdout } = await runCli(['--help'])
    expect(code).toBe(0)
    expect([...stdout.matchAll(/^ {2}(\w+) \[options\]/gm)].map((match) => match[1])).toEqual([
      'demo',
      'proxy',
      'topology',
      'simulate',
      'doctor',
    ])
    expect(stdout).toMatch(/Examples:\n {2}fairlead /)
  })

  it.each(['demo', 'proxy', 'topology', 'simulate', 'doctor'])(
    '%s --help has an example',
    async (command) => {
      const { code, stdout, stderr } = await runCli([command, '--help'])
      expect(code).toBe(0)
      expect(stdout).toContain(`Usage: fairlead ${command}`)
      expect(stdout).toMatch(new RegExp(`Examples:\\n {2}fairlead ${command}`))
      expect(stderr).toBe('')
    },
  )

  it.each([
    [[], 'which command? One of demo, proxy, topology, simulate, doctor'],
    [['prox'], "unknown command 'prox' (Did you mean proxy?)"],
    [['demo', '--duratoin', '5'], "unknown option '--duratoin' (Did you mean --duration?)"],
    [['demo', '--duration', '3'], 'It takes a number from 4 to 600.'],
    [['demo', '--duration', 'long'], 'It takes a number from 4 to 600.'],
    [['demo', '--seed', '1.5'], 'It takes a whole number from 0 to 4294967295.'],
    [['proxy'], "required option '-c, --config <file>' not specified"],
    [['proxy', '--config', 'x', '--port', '70000'], 'It takes a whole number from 0 to 65535.'],
    [['simulate'], "missing required argument 'file'"],
    [['simulate', 'x.yaml', '--jobs', '0'], 'It takes a whole number from 1 to 1000000000.'],
    [['doctor', 'extra'], 'too many arguments'],
  ])('%j is bad usage: one line, exit code 2', async (args, message) => {
    const { code, stdout, stderr } = await runCli(args)
    expect(stderr).toContain(message)
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })

  it('says what failed without a stack, and with one when asked', async () => {
    const brief = await runCli(['proxy', '--config', '/nowhere/proxy.yaml'])
    expect(brief.code).toBe(1)
    expect(brief.stderr).toMatch(
      /^fairlead: \/nowhere\/proxy.yaml has a fault:\n {2}it cannot be read: .*ENOENT/,
    )
    expect(brief.stderr).not.toMatch(/^\s+at /m)
    const full = await runCli(['proxy', '--config', '/nowhere/proxy.yaml'], { FAIRLEAD_DEBUG: '1' })
    expect(full.code).toBe(1)
    expect(full.stderr).toMatch(/^\s+at /m)
  })

  it('names an engine that cannot be', async () => {
    const file = temporaryFile('proxy.yaml', 'services: { app: { endpoints: [] } }')
    const { code, stderr } = await runCli(['proxy', '--config', file], { FAIRLEAD_ENGINE: 'quick' })
    expect(code).toBe(1)
    expect(stderr).toBe('fairlead: FAIRLEAD_ENGINE is "quick"; it takes one of auto, native, fallback\n')
  })

  it('ends quietly when nobody reads its output', async () => {
    const running = startCli(['doctor', '--json'])
    running.child.stdout!.destroy()
    const { code, stderr } = await running.finished
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })
})
