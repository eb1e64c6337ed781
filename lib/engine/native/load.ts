/**
 * Finds the addon's binary, checks it, loads it. Never throws and never crashes: whatever is wrong with the binary comes
 * back as an error with its cause, and the caller takes the other engine.
 *
 * The check comes before the load, because the dynamic linker maps what it is given: a truncated file kills the
 * process with SIGBUS, where no `catch` helps.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { NativeAddon } from './addon.js'
import { elfFault } from './elf.js'

export type LoadedAddon = { readonly addon: NativeAddon; readonly path: string } | { readonly error: Error }

/** What the build writes beside the binaries of a folder: `scripts/manifest.mjs`. */
interface Manifest {
  readonly files: Readonly<Record<string, { readonly size: number; readonly sha256: string }>>
}

/** The package's folder: the nearest one above this file with a package.json, be it in `lib/engine/native/`, `dist/engine/native/` or a bundle. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder)
  return folder
}

const require = createRequire(import.meta.url)

/**
 * Loads the addon of the package in `root`: one built in place (`build/Release`) before a prebuilt one
 * (`prebuilds/<platform>-<arch>`), as node-gyp-build orders them.
 */
export function loadAddon(root: string = packageRoot()): LoadedAddon {
  let path: string
  try {
    const nodeGypBuild = require('node-gyp-build') as { resolve(root: string): string }
    path = nodeGypBuild.resolve(root)
  } catch (cause) {
    return failure(`there is no binary for ${process.platform}-${process.arch} in ${root}`, cause)
  }
  const fault = binaryFault(path)
  if (fault !== undefined) return { error: fault }
  try {
    return { addon: require(path) as NativeAddon, path }
  } catch (cause) {
    return failure(`${path} cannot be loaded: ${firstLine(cause)}`, cause)
  }
}

/** Why the file must not be given to the dynamic linker; undefined when it is what the build made, for this machine. */
function binaryFault(path: string): Error | undefined {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (cause) {
    return failure(`${path} cannot be read: ${firstLine(cause)}`, cause).error
  }
  const manifestPath = join(dirname(path), 'manifest.json')
  let manifest: Manifest
  try {
    manifest = JSON.parse(readFileSync(manifestPath, 'utf8')) as Manifest
  } catch (cause) {
    return failure(`${path} cannot be verified, its manifest cannot be read: ${firstLine(cause)}`, cause)
      .error
  }
  const expected = manifest?.files?.[basename(path)]
  if (expected === undefined) return new Error(`${path} cannot be verified, ${manifestPath} does not list it`)
  if (bytes.length !== expected.size) {
    return new Error(`${path} is damaged: ${bytes.length} bytes, its manifest says ${expected.size}`)
  }
  if (createHash('sha256').update(bytes).digest('hex') !== expected.sha256) {
    return new Error(`${path} is damaged: its SHA-256 is not the one in its manifest`)
  }
  const reason = process.platform === 'linux' ? elfFault(bytes, process.arch) : undefined
  return reason === undefined ? undefined : new Error(`${path} ${reason}`)
}

function failure(message: string, cause: unknown): { error: Error } {
  return { error: new Error(message, { cause }) }
}

/** A linker's message can run over several lines; the whole of it stays in the cause. */
function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n', 1)[0]
}
