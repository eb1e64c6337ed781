// The package as it is published: FAIRLEAD_TARBALL, from `npm run test:package`, installed in an empty project on a
// PATH that holds Node and nothing else. FAIRLEAD_TARBALL_BINARY=0: it was packed where no addon can be built.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { brokenLinks } from '../support/links.js'

const ROOT = join(import.meta.dirname, '../..')
const PLATFORM = `${process.platform}-${process.arch}`
/** ELF machine of an architecture that this machine is not. */
const OTHER_MACHINE = process.arch === 'arm64' ? 62 : 183
/** 2 MB are for all platforms' binaries. Six more than this one's, of 90 kB each, leave this for the rest. */
const TARBALL_LIMIT_BYTES = 2_000_000 - 6 * 90_000

const tarball = process.env['FAIRLEAD_TARBALL'] ?? ''
const hasBinary = process.env['FAIRLEAD_TARBALL_BINARY'] !== '0'
const work = mkdtempSync(join(tmpdir(), 'fairlead-package-'))
const project = join(work, 'project')
const installed = join(project, 'node_modules/fairlead')
const prebuilds = join(installed, 'prebuilds')
const intact = join(work, 'intact-prebuilds')
const bare = join(work, 'bin')

interface Ended {
  code: number | string
  stdout: string
  stderr: string
}

/** Runs Node with arguments in the project; a signal (a crash) shows as `code`. */
function node(args: string[], env: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd: project, env: { PATH: bare, HOME: process.env['HOME'] ?? work, ...env } }
    execFile(join(bare, 'node'), args, options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : (error.signal ?? error.code ?? 1), stdout, stderr })
    })
  })
}

const PRINT = 'console.log(JSON.stringify({ ...engine, balancer: typeof Balancer }))'
const IMPORT = ['--input-type=module', '-e', `import { engine, Balancer } from 'fairlead'; ${PRINT}`]
const REQUIRE = ['-e', `const { engine, Balancer } = require('fairlead'); ${PRINT}`]

async function engineOf(args = IMPORT): Promise<{ kind: string; reason?: string; balancer: string }> {
  const ended = await node(args)
  expect(ended).toMatchObject({ code: 0 })
  return JSON.parse(ended.stdout)
}

/** npm's own program, run by this Node: no shell, no PATH. */
function npmCli(): string {
  const fromRun = process.env['npm_execpath']
  if (fromRun?.endsWith('.js')) return fromRun
  return join(dirname(process.execPath), '../lib/node_modules/npm/bin/npm-cli.js')
}

beforeAll(async () => {
  if (!existsSync(tarball)) throw new Error('FAIRLEAD_TARBALL names no file: run `npm run test:package`')
  mkdirSync(project)
  mkdirSync(bare)
  symlinkSync(process.execPath, join(bare, 'node'))
  writeFileSync(join(project, 'package.json'), '{ "private": true }\n')
  // With scripts allowed: that there are none to run is part of the promise.
  const ended = await node([npmCli(), 'install', '--no-audit', '--no-fund', '--prefer-offline', tarball])
  if (ended.code !== 0) throw new Error(`npm install failed: ${ended.stderr}`)
  if (hasBinary) cpSync(prebuilds, intact, { recursive: true })
})
afterAll(() => rmSync(work, { recursive: true, force: true }))

describe('the tarball', () => {
  test('holds what a user needs, and nothing else', () => {
    expect(readdirSync(installed).sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'dist',
      'docs',
      'examples',
      'package.json',
      ...(hasBinary ? ['prebuilds'] : []),
    ])
  })

  test.runIf(hasBinary)('holds the binary of this platform', () => {
    expect(readdirSync(prebuilds)).toEqual([PLATFORM])
    expect(readdirSync(join(prebuilds, PLATFORM)).sort()).toEqual([
      'manifest.json',
      expect.stringMatching(/^node\.napi/),
    ])
  })

  test('is small', () => {
    const { size } = statSync(tarball)
    console.log(`packed tarball: ${(size / 1024).toFixed(1)} KiB`)
    expect(size).toBeLessThan(TARBALL_LIMIT_BYTES)
  })

  test('runs nothing at install', () => {
    const { scripts } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
    for (const name of ['preinstall', 'install', 'postinstall', 'prepare'])
      expect(scripts).not.toHaveProperty(name)
    // npm builds by itself what has a binding.gyp.
    expect(existsSync(join(installed, 'binding.gyp'))).toBe(false)
  })

  test('has documentation whose links lead somewhere', () => {
    const blob = 'https://github.com/fairlead/fairlead/blob/main/'
    const pages = readdirSync(installed, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.md'),
    )
    expect(pages).toEqual(expect.arrayContaining(['README.md', join('docs', 'architecture.md')]))
    const broken = pages.flatMap((page) => brokenLinks(page, { folder: installed, blob, clone: ROOT }))
    expect(broken).toEqual([])
  })

  test('has a source map with files and lines, without their text', () => {
    const map = JSON.parse(readFileSync(join(installed, 'dist/index.js.map'), 'utf8'))
    expect(map.sources).toContain('../lib/balancer/balancer.ts')
    expect(map.mappings.length).toBeGreaterThan(100_000)
    expect(map.sourcesContent).toBeUndefined()
  })

  test.each([
    [
      'publint',
      [join(ROOT, 'node_modules/publint/src/cli.js'), 'run', installed, '--strict', '--pack', 'false'],
    ],
    [
      'attw',
      [join(ROOT, 'node_modules/@arethetypeswrong/cli/dist/index.js'), tarball, '--profile', 'esm-only'],
    ],
  ])('%s finds no fault', async (_name, args) => {
    const { code, stdout, stderr } = await node(args, { PATH: process.env['PATH'] ?? '' })
    expect(code, stdout + stderr).toBe(0)
  })
})

describe('an installed package', () => {
  beforeEach(() => restore())

  test.runIf(hasBinary).each([
    ['import', IMPORT],
    ['require', REQUIRE],
  ])('by %s: the native engine', async (_name, args) => {
    expect(await engineOf(args)).toEqual({ kind: 'native', balancer: 'function' })
  })

  test('FAIRLEAD_ENGINE=fallback: the fallback, without a warning', async () => {
    const ended = await node(IMPORT, { FAIRLEAD_ENGINE: 'fallback' })
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(ended.stdout).kind).toBe('fallback')
  })

  test('its command runs', async () => {
    const ended = await node([join(project, 'node_modules/.bin/fairlead'), '--help'])
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringContaining('proxy') })
  })

  test('brings no vega, which only plots take; an error names it', async () => {
    expect(existsSync(join(project, 'node_modules/vega'))).toBe(false)
    const plot = `import { plotLoad } from 'fairlead/simulate'
      plotLoad([], 'title').catch(({ code, package: name }) => console.log(code, name))`
    const ended = await node(['--input-type=module', '-e', plot])
    expect(ended).toMatchObject({ code: 0, stdout: 'FAIRLEAD_MISSING_PACKAGE vega\n' })
  })

  test.each([
    ['import', IMPORT],
    ['require', REQUIRE],
  ])('by %s, with prebuilds/ removed: the fallback, its reason, one warning', async (_name, args) => {
    rmSync(prebuilds, { recursive: true, force: true })
    const ended = await node(args)
    expect(ended.code).toBe(0)
    expect(JSON.parse(ended.stdout)).toMatchObject({
      kind: 'fallback',
      reason: expect.stringContaining(`no binary for ${PLATFORM}`),
    })
    expect(ended.stderr.match(/FairleadWarning/g)).toHaveLength(1)
  })

  test('FAIRLEAD_ENGINE=native without a binary: throws, with the cause', async () => {
    rmSync(prebuilds, { recursive: true, force: true })
    const { code, stderr } = await node(IMPORT, { FAIRLEAD_ENGINE: 'native' })
    expect(code).toBe(1)
    expect(stderr).toMatch(/FAIRLEAD_ENGINE=native[\s\S]*cause/)
  })

  test.runIf(hasBinary)('without its manifest: the fallback', async () => {
    rmSync(join(prebuilds, PLATFORM, 'manifest.json'))
    expect(await engineOf()).toMatchObject({
      kind: 'fallback',
      reason: expect.stringContaining('cannot be verified'),
    })
  })
})

describe.runIf(hasBinary)('a broken binary never ends the process', () => {
  const whole = () => readFileSync(join(intact, PLATFORM, binaryName()))
  const cases: [string, () => Buffer][] = [
    ['of another architecture', () => otherMachine(whole())],
    ['garbage', () => Buffer.alloc(100_000, 0xa5)],
    [
      'garbage after a right header',
      () => Buffer.concat([whole().subarray(0, 64), Buffer.alloc(100_000, 0xa5)]),
    ],
    ...[0, 1, 63, 64, 500, 4096, 65536].map(truncation),
    ['truncated by half', () => whole().subarray(0, whole().length >> 1)],
    ['without its last byte', () => whole().subarray(0, -1)],
  ]

  beforeEach(() => restore())

  test.each(cases)('%s', async (_name, make) => {
    writeFileSync(join(prebuilds, PLATFORM, binaryName()), make())
    expect(await engineOf()).toMatchObject({ kind: 'fallback', reason: expect.stringMatching(/is damaged/) })
  })

  test.runIf(process.platform === 'linux').each(cases)(
    '%s, and a manifest that agrees',
    async (_name, make) => {
      const bytes = make()
      writeFileSync(join(prebuilds, PLATFORM, binaryName()), bytes)
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      const files = { [binaryName()]: { size: bytes.length, sha256 } }
      writeFileSync(join(prebuilds, PLATFORM, 'manifest.json'), JSON.stringify({ files }))
      expect(await engineOf()).toMatchObject({
        kind: 'fallback',
        reason: expect.stringMatching(/built for|truncated|not an ELF/),
      })
    },
  )

  test('one flipped bit in the middle', async () => {
    const bytes = whole()
    bytes[bytes.length >> 1] ^= 1
    writeFileSync(join(prebuilds, PLATFORM, binaryName()), bytes)
    expect(await engineOf()).toMatchObject({ kind: 'fallback', reason: expect.stringContaining('SHA-256') })
  })

  function truncation(length: number): [string, () => Buffer] {
    return [`truncated to ${length} bytes`, () => whole().subarray(0, length)]
  }
})

function restore(): void {
  rmSync(prebuilds, { recursive: true, force: true })
  if (hasBinary) cpSync(intact, prebuilds, { recursive: true })
}

function binaryName(): string {
  const name = readdirSync(join(intact, PLATFORM)).find((file) => file.endsWith('.node'))
  if (name === undefined) throw new Error(`the tarball holds no binary for ${PLATFORM}`)
  return name
}

function otherMachine(bytes: Buffer): Buffer {
  bytes.writeUInt16LE(OTHER_MACHINE, 18)
  return bytes
}
