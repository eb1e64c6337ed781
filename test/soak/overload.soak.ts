/**
 * Bursts of 0.5 to 4 times what endpoints can serve, from five threads, while endpoints hang, die and fail, the configuration changes and
 * threads are terminated. After each burst nothing may be left of it; what is checked, and where: `overload/main.mjs`.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { engine } from '../../lib/index.js'

const MAIN = fileURLToPath(new URL('./overload/main.mjs', import.meta.url))
/** `npm run test:soak -- --minutes N`; without it as long as `npm run test:all` can spare. */
const MINUTES = Number(process.env.FAIRLEAD_SOAK_MINUTES ?? 0.75)
const SEED = Number(process.env.FAIRLEAD_SOAK_SEED ?? Math.floor(Math.random() * 1e9))
/** The last round, the rests of a busy machine, the end. */
const EXTRA_MS = 600_000

interface Report {
  readonly sent: number
  readonly answered: number
  readonly failed: number
  readonly aborted: number
  readonly kills: number
  /** Requests under way in threads as they were terminated. */
  readonly lost: number
  /** What should not be, in words. */
  readonly wrong: readonly string[]
}

it(`${engine.kind} engine: ${MINUTES} minutes of overload leave nothing behind (FAIRLEAD_SOAK_SEED=${SEED})`, {
  timeout: MINUTES * 60_000 + EXTRA_MS,
}, async () => {
  const args = ['--minutes', String(MINUTES), '--seed', String(SEED)]
  const child = fork(MAIN, args, {
    execArgv: ['--expose-gc'],
    env: { ...process.env, FAIRLEAD_ENGINE: engine.kind },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let report: Report | undefined
  child.on('message', (message) => {
    report = message as Report
  })
  const [code, signal] = await once(child, 'exit')
  expect(report?.wrong, `the process ended with ${code ?? signal}`).toEqual([])
  expect(code).toBe(0)
  const { sent, answered, kills, lost } = report as Report
  // Else it has shown nothing.
  expect(answered).toBeGreaterThan(0)
  expect(sent).toBeGreaterThan(answered)
  expect(kills).toBeGreaterThan(0)
  expect(lost).toBeGreaterThan(0)
})
