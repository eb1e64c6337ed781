// The C++ core's own tests, under a sanitizer.
import { rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { ROOT, run, say } from './shell.mjs'

/**
 * Builds test/native for a sanitizer and runs it.
 * @param {'thread' | 'address' | 'none'} sanitizer
 * @returns {Promise<import('./phases.mjs').Count>}
 */
export async function ctest(sanitizer) {
  const folder = join(ROOT, 'build-native-tests', sanitizer)
  const configure = ['-S', ROOT, '-B', folder, '-DFAIRLEAD_TESTS=ON', `-DFAIRLEAD_SANITIZE=${sanitizer}`]
  const { code } = await run('cmake', configure, { quiet: true })
  if (code !== 0) {
    // The folder may remember another place, or that Boost was missing.
    rmSync(folder, { recursive: true, force: true })
    await demand(['cmake', ...configure])
  }
  await demand(['cmake', '--build', folder, '--parallel', String(availableParallelism())])
  // One at a time: the tests start threads of their own.
  const { output } = await run('ctest', ['--test-dir', folder, '--output-on-failure', '--no-tests=error'], {
    quiet: true,
  })
  say(output)
  const total = /(\d+) tests? failed out of (\d+)/.exec(output)
  if (total === null) throw new Error('ctest ran no test')
  const failed = Number(total[1])
  return { passed: Number(total[2]) - failed, failed }
}

/** @param {string[]} command */
async function demand([command, ...args]) {
  const { code, output } = await run(command, args, { quiet: true })
  if (code !== 0) throw new Error(`${output}\n${command} failed with exit code ${code}`)
}
