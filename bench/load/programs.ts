/** The short-lived processes that the load suite compares: each prints what it took to get there, and ends. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { EngineKind } from '../harness/result.js'

/** What a process had spent when its code had run. */
export interface Spent {
  /** ms since the process began. */
  readonly ms: number
  /** Resident set, MB (10^6 bytes). */
  readonly mb: number
}

export interface Program {
  readonly name: string
  /** What it is compared with: the same kind of process, without. */
  readonly bare: 'bare module' | 'bare script'
  readonly source: string
}

/** Self-reference: run in the package's folder, `fairlead` names the package itself. */
const PACKAGE_FOLDER = fileURLToPath(new URL('../..', import.meta.url))
const BYTES_PER_MB = 1e6
const TIMEOUT_MS = 20_000

const REPORT =
  'process.stdout.write(JSON.stringify({ ms: performance.now(), bytes: process.memoryUsage.rss() }))'
const THREE_ENDPOINTS = "['http://127.0.0.1:1', 'http://127.0.0.1:2', 'http://127.0.0.1:3']"
const BALANCER = `const balancer = new Balancer({ services: { users: { endpoints: ${THREE_ENDPOINTS} } } })`

export const BARE: readonly Program[] = [
  { name: 'bare module', bare: 'bare module', source: REPORT },
  { name: 'bare script', bare: 'bare script', source: REPORT },
]

export const IMPORT = 'import'
export const REQUIRE = 'require'
export const FIRST_BALANCER = 'import, first Balancer'
export const FIRST_DISPATCHER = 'import, first Balancer and dispatcher'
export const UNDICI = 'undici'

export const FAIRLEAD: readonly Program[] = [
  {
    name: IMPORT,
    bare: 'bare module',
    source: `import { Balancer } from 'fairlead'\n${REPORT}\nvoid Balancer`,
  },
  {
    name: REQUIRE,
    bare: 'bare script',
    source: `const { Balancer } = require('fairlead')\n${REPORT}\nvoid Balancer`,
  },
  {
    name: FIRST_BALANCER,
    bare: 'bare module',
    source: `import { Balancer } from 'fairlead'\n${BALANCER}\n${REPORT}\nvoid balancer`,
  },
  {
    name: FIRST_DISPATCHER,
    bare: 'bare module',
    source: `import { Balancer } from 'fairlead'\n${BALANCER}\nconst dispatcher = balancer.dispatcher()\n${REPORT}\nvoid dispatcher`,
  },
]

/** For comparison: what a process that uses `BalancedPool` pays. */
export const PEERS: readonly Program[] = [
  {
    name: UNDICI,
    bare: 'bare module',
    source: `import { BalancedPool } from 'undici'\n${REPORT}\nvoid BalancedPool`,
  },
]

const run = promisify(execFile)

/** Runs a program once in a process of its own. */
export async function spend(program: Program, engine?: EngineKind): Promise<Spent> {
  const type = program.bare === 'bare module' ? ['--input-type=module'] : ['--input-type=commonjs']
  const env = engine === undefined ? process.env : { ...process.env, FAIRLEAD_ENGINE: engine }
  const options = { cwd: PACKAGE_FOLDER, env, timeout: TIMEOUT_MS }
  const { stdout } = await run(process.execPath, [...type, '--eval', program.source], options)
  const { ms, bytes } = JSON.parse(stdout) as { ms: number; bytes: number }
  return { ms, mb: bytes / BYTES_PER_MB }
}
