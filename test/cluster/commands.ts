/** Programs that are run to their end. */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const TIMEOUT_MS = 15_000
/** Where packages put what only root is to run. */
const SBIN = ['/usr/sbin', '/sbin', '/usr/local/sbin']

/** Its standard output. Rejects with what it said where it ended badly or took too long. */
export function output(
  command: readonly string[],
  options: { timeoutMs?: number; env?: Record<string, string>; input?: string } = {},
): Promise<string> {
  const { timeoutMs = TIMEOUT_MS, env, input } = options
  const [program, ...args] = command
  return new Promise((resolve, reject) => {
    const settings = { timeout: timeoutMs, killSignal: 'SIGKILL', env: { ...process.env, ...env } } as const
    const child = execFile(program, args, settings, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`${command.join(' ')}: ${stderr.trim() || error.message}`))
    })
    // It may have ended without reading it.
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
  })
}

/** Whether a program is there. */
export const has = (program: string): boolean =>
  [...(process.env.PATH ?? '').split(delimiter), ...SBIN].some(
    (folder) => folder !== '' && existsSync(join(folder, program)),
  )

/** Whether a process of this machine runs. */
export function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`).length > 0
  } catch {
    return false
  }
}
