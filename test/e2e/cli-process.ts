/** The compiled command line as a real process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** What would make the output another than users see, and the warning of a machine that has no binary. */
const QUIET = {
  FORCE_COLOR: undefined,
  FAIRLEAD_DEBUG: undefined,
  NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --disable-warning=FAIRLEAD_ENGINE`,
}

export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly child: ChildProcess
  readonly pid: number
  /** What it has printed so far. */
  readonly stdout: () => string
  readonly stderr: () => string
  readonly finished: Promise<Finished>
  /** Resolves when stdout (or stderr) has the text; rejects when the process ends before. */
  printed(text: string | RegExp, where?: 'stdout' | 'stderr'): Promise<void>
}

/** Starts `fairlead ...`; it is killed when the test ends, however that ends. */
export function startCli(args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: compile first (npm run build)`)
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...QUIET, ...env },
  })
  const text = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]!.setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk
    })
  }
  const finished = new Promise<Finished>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, ...text }))
  })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await finished
  })
  return {
    child,
    pid: child.pid!,
    stdout: () => text.stdout,
    stderr: () => text.stderr,
    finished,
    printed: (wanted, where = 'stdout') =>
      new Promise((resolve, reject) => {
        const matches = () =>
          typeof wanted === 'string' ? text[where].includes(wanted) : wanted.test(text[where])
        const look = () => matches() && resolve()
        child[where]!.on('data', look)
        child.once('close', () =>
          reject(new Error(`it ended without printing ${wanted}:\n${text.stdout}${text.stderr}`)),
        )
        look()
      }),
  }
}

/** Runs `fairlead ...` to its end. */
export const runCli = (args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Finished> =>
  startCli(args, env).finished

/** A file of the test's own, gone when the test ends. */
export function temporaryFile(name: string, content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}
