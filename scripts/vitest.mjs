// One run of vitest, counted.
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { bin, ROOT, run } from './shell.mjs'

/**
 * @param {string} name of the run; names its report
 * @param {string[]} args for vitest
 * @param {Record<string, string>} env
 * @returns {Promise<import('./phases.mjs').Count>}
 */
export async function vitest(name, args, env) {
  const report = join(ROOT, '.cache/reports', `${name}.json`)
  mkdirSync(join(ROOT, '.cache/reports'), { recursive: true })
  rmSync(report, { force: true })
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const { code } = await run(process.execPath, [bin('vitest'), 'run', ...reporters, ...args], { env })
  const { numPassedTests: passed, numFailedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'))
  // A file that could not be loaded has no tests in it, but has failed.
  const broken = testResults.filter(
    (/** @type {{ status: string, assertionResults: { status: string }[] }} */ file) =>
      file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length
  const failed = numFailedTests + broken
  // An error outside of any test shows in the exit code only.
  return { passed, failed: failed === 0 && code !== 0 ? 1 : failed, failures: testResults.flatMap(failures) }
}

/**
 * What failed in a file, a line each, and why by its first line.
 * @param {{ name: string, status: string, message?: string, assertionResults: { status: string, fullName: string, failureMessages?: string[] }[] }} file
 */
function failures({ name, status, message = '', assertionResults }) {
  const file = relative(ROOT, name)
  const tests = assertionResults.filter((test) => test.status === 'failed')
  if (tests.length === 0) return status === 'failed' ? [`${file}: ${firstLine(message)}`] : []
  return tests.map((test) => `${file} > ${test.fullName}: ${firstLine(test.failureMessages?.[0] ?? '')}`)
}

/** @param {string} text */
const firstLine = (text) => text.split('\n', 1)[0].slice(0, 300)
