// `npm run test:matrix`: every kind of caller (test/matrix/run.mjs) on every supported Node, on both engines. The other
// Nodes come from npm, into .cache/nodes, and stay there. The last line printed is `N passed, N failed`.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lastCount, Phases } from './phases.mjs'
import { setupOrExit } from './setup.mjs'
import { npm, ROOT, run, say } from './shell.mjs'

const MAJORS = [22, 24, 26]

/**
 * The Node of a major version, installed when it is not there yet.
 * @param {number} major
 * @returns {Promise<string>} its path
 */
async function provideNode(major) {
  const name = `node-${process.platform}-${process.arch}`
  const folder = join(ROOT, '.cache/nodes', String(major))
  const path = join(folder, 'node_modules', name, 'bin/node')
  if (existsSync(path)) return path
  say(`installing Node ${major} in .cache/nodes`)
  mkdirSync(folder, { recursive: true })
  // A project of its own: npm would otherwise take the clone for it.
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  const install = ['install', '--no-save', '--no-package-lock', '--ignore-scripts', '--prefix', folder]
  const { code, output } = await run(...npm([...install, `${name}@${major}`]), { quiet: true, cwd: folder })
  if (code !== 0 || !existsSync(path)) throw new Error(`${output}\nNode ${major} could not be installed`)
  return path
}

/**
 * @param {string} node path
 * @param {string} engine
 */
async function runMatrix(node, engine) {
  const { code, output } = await run(node, ['test/matrix/run.mjs'], {
    quiet: true,
    env: { FAIRLEAD_ENGINE: engine },
  })
  say(output.trimEnd())
  return lastCount(output, code)
}

const { native } = await setupOrExit()
const phases = new Phases()
const engines = native ? ['native', 'fallback'] : ['fallback']
if (!native) phases.skip('native engine', 'the addon could not be built here')

const own = Number(process.versions.node.split('.')[0])
for (const major of [own, ...MAJORS.filter((one) => one !== own)]) {
  for (const engine of engines) {
    await phases.run(`Node ${major}, ${engine} engine`, async () =>
      runMatrix(major === own ? process.execPath : await provideNode(major), engine),
    )
  }
}
phases.finish()
