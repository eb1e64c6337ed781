import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export interface Tarball {
  /** Bytes of the .tgz, and of what it unpacks to. */
  readonly packed: number
  readonly unpacked: number
  readonly files: number
  /** Platforms whose binary is in. */
  readonly prebuilds: readonly string[]
}

const PACKAGE_FOLDER = fileURLToPath(new URL('../..', import.meta.url))
const MAX_OUTPUT_BYTES = 16 * 2 ** 20

const run = promisify(execFile)

/** The package as `npm pack` would make it of what is built now; writes nothing, runs no scripts. */
export async function packedPackage(): Promise<Tarball> {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts']
  // npm that runs us, where there is one: it is a script, and on Windows the command is another script.
  const cli = process.env['npm_execpath']
  const [command, first] = cli?.endsWith('.js') && existsSync(cli) ? [process.execPath, [cli]] : ['npm', []]
  const { stdout } = await run(command, [...first, ...args], {
    cwd: PACKAGE_FOLDER,
    maxBuffer: MAX_OUTPUT_BYTES,
  })
  const [{ size, unpackedSize, files }] = JSON.parse(stdout) as [
    { size: number; unpackedSize: number; files: { path: string }[] },
  ]
  const prebuilds = files
    .filter(({ path }) => path.endsWith('.node'))
    .map(({ path }) => path.replace(/^prebuilds\//, ''))
  return { packed: size, unpacked: unpackedSize, files: files.length, prebuilds }
}
