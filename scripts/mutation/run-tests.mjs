// Some test files, run in a copy of the tree, with an end in sight.
import { spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { bin } from '../shell.mjs'

/** @typedef {{ result: 'passed' | 'failed' | 'too long', seconds: number, by: string }} Verdict */

/**
 * @param {import('./tree.mjs').Tree} tree
 * @param {string[]} files in the order to run them in
 * @param {{ engine: string, limitMs: number, bail: number, env?: Record<string, string> }} options
 * @returns {Promise<Verdict>} `by` names the first test that failed
 */
export async function runTests(tree, files, { engine, limitMs, bail, env }) {
  const begun = performance.now()
  const report = join(tree.root, 'tests.json')
  rmSync(report, { force: true })
  const args = [bin('vitest'), 'run', '--config', 'scripts/mutation/vitest.config.mjs']
  const child = spawn(process.execPath, [...args, '--reporter=json', `--outputFile=${report}`], {
    cwd: tree.root,
    env: {
      ...process.env,
      ...env,
      FAIRLEAD_ENGINE: engine,
      FAIRLEAD_MUTATION_TESTS: files.join(','),
      FAIRLEAD_MUTATION_BAIL: String(bail),
    },
    stdio: 'ignore',
    // A group of its own: a mutant's loop without an end is killed together with the processes around it.
    detached: true,
  })
  const kill = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    } catch {
      // It has ended in the meantime.
    }
  }
  let late = false
  const timer = setTimeout(() => {
    late = true
    kill()
  }, limitMs)
  process.once('exit', kill)
  const code = await new Promise((resolve) => child.on('close', resolve).on('error', () => resolve(127)))
  clearTimeout(timer)
  process.off('exit', kill)
  kill()
  const seconds = (performance.now() - begun) / 1000
  if (late) return { result: 'too long', seconds, by: 'the time limit' }
  return code === 0
    ? { result: 'passed', seconds, by: '' }
    : { result: 'failed', seconds, by: firstFailure(report) }
}

/** @param {string} report */
function firstFailure(report) {
  try {
    for (const file of JSON.parse(readFileSync(report, 'utf8')).testResults) {
      const test = file.assertionResults.find(
        (/** @type {{ status: string }} */ one) => one.status === 'failed',
      )
      const name = file.name.replace(/^.*\/test\//, 'test/')
      if (test) return `${name} > ${test.fullName}`
      if (file.status === 'failed') return `${name}, which does not load`
    }
  } catch {
    // It ended before it could report.
  }
  return 'an error outside of any test'
}
