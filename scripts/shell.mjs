// Running programs, from scripts that start before anything is installed: nothing but Node's own modules here.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The clone's folder. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url))

/**
 * Progress goes to standard error: standard output belongs to what a script was asked for.
 * @param {string} line
 */
export const say = (line) => void process.stderr.write(`${line}\n`)

/** @param {number} since a `performance.now()` */
export const secondsSince = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`

/**
 * Runs a program to its end. With `quiet` its output is kept instead of shown; with `tee` it is shown, and what goes to
 * standard output is kept as well.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: Record<string, string | undefined>, quiet?: boolean, tee?: boolean }} [options]
 * @returns {Promise<{ code: number, output: string }>} code 127: it could not be started
 */
export function run(command, args, { cwd = ROOT, env, quiet = false, tee = false } = {}) {
  return new Promise((resolve) => {
    let output = ''
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      // Our own output may be piped and parsed: whatever a build prints goes where our progress goes.
      stdio: ['ignore', quiet || tee ? 'pipe' : process.stderr, quiet ? 'pipe' : process.stderr],
    })
    if (tee) child.stdout?.on('data', (chunk) => void process.stderr.write(chunk))
    child.stdout?.on('data', (chunk) => (output += chunk))
    child.stderr?.on('data', (chunk) => (output += chunk))
    child.on('error', (error) => resolve({ code: 127, output: `${output}${error.message}\n` }))
    child.on('close', (code, signal) => {
      resolve({ code: code ?? 1, output: signal ? `${output}ended by ${signal}\n` : output })
    })
  })
}

/**
 * Runs a program in our place: its input, output, signals and exit code are ours.
 * @param {string} command
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 * @returns {Promise<number>} its exit code
 */
export function become(command, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, env: { ...process.env, ...env }, stdio: 'inherit' })
    // A terminal's Ctrl-C reaches the child by itself; it decides how to end, and we end after it.
    const ignore = () => {}
    const forward = () => void child.kill('SIGTERM')
    process.on('SIGINT', ignore).on('SIGTERM', forward)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      process.off('SIGINT', ignore).off('SIGTERM', forward)
      resolve(code ?? (signal === 'SIGINT' ? 130 : 1))
    })
  })
}

/**
 * The script behind a development dependency's command, to be run by this Node. (`node_modules/.bin` holds shell
 * scripts on Windows.)
 * @param {string} name the package
 * @param {string} [command] for a package with several
 */
export function bin(name, command) {
  const folder = join(ROOT, 'node_modules', name)
  const { bin: entry } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const script = typeof entry === 'string' ? entry : entry[command ?? Object.keys(entry)[0]]
  return join(folder, script)
}

/**
 * npm with some arguments, by the npm that runs us where there is one.
 * @param {string[]} args
 * @returns {[string, string[]]} command and arguments
 */
export function npm(args) {
  const cli = process.env.npm_execpath
  if (cli?.endsWith('.js') && existsSync(cli)) return [process.execPath, [cli, ...args]]
  return [process.platform === 'win32' ? 'npm.cmd' : 'npm', args]
}

/**
 * Where a program is, by PATH; undefined when it is not there.
 * @param {string} name
 */
export function which(name) {
  const suffix = process.platform === 'win32' ? '.exe' : ''
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, name + suffix)
    if (folder !== '' && existsSync(path)) return path
  }
  return undefined
}
