/** The addon's binary: where it is, whether it is what was built, what it says of itself. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CoreFactory } from '../../engine/contract.js'
import type { NativeAddon } from '../../engine/native/addon.js'
import { createNativeFactory } from '../../engine/native/core.js'
import { loadAddon } from '../../engine/native/load.js'

export interface BinaryFindings {
  readonly path: string | undefined
  /** Of the file against the manifest that the build left beside it. */
  readonly hash: string
  /** Why it cannot be used. */
  readonly fault?: string
  readonly built?: {
    readonly boost: string
    readonly compiler: string
    readonly layoutVersion: number
    readonly layoutFingerprint: string
  }
}

const PACKAGE_ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const require = createRequire(import.meta.url)

export interface UsableBinary {
  readonly addon: NativeAddon
  readonly factory: CoreFactory
}

/** `usable` is there where the binary can be used. */
export function inspectBinary(): { findings: BinaryFindings; usable?: UsableBinary } {
  const path = pathOfBinary()
  const hash = path === undefined ? 'no file' : hashFinding(path)
  const loaded = loadAddon()
  if ('error' in loaded) return { findings: { path, hash, fault: loaded.error.message } }
  try {
    const factory = createNativeFactory(loaded.addon)
    const { boostVersion, compiler, layoutVersion, layoutFingerprint } = loaded.addon
    const built = {
      boost: boostVersion.replace('_', '.'),
      compiler,
      layoutVersion,
      layoutFingerprint: layoutFingerprint.toString(16),
    }
    return { findings: { path: loaded.path, hash, built }, usable: { addon: loaded.addon, factory } }
  } catch (error) {
    return { findings: { path: loaded.path, hash, fault: (error as Error).message } }
  }
}

function pathOfBinary(): string | undefined {
  try {
    return (require('node-gyp-build') as { resolve(root: string): string }).resolve(PACKAGE_ROOT)
  } catch {
    return undefined
  }
}

function hashFinding(path: string): string {
  try {
    const { files } = JSON.parse(readFileSync(join(dirname(path), 'manifest.json'), 'utf8')) as {
      files: Record<string, { sha256: string }>
    }
    const wanted = files[basename(path)]?.sha256
    if (wanted === undefined) return 'unknown: the manifest does not list the file'
    const found = createHash('sha256').update(readFileSync(path)).digest('hex')
    return found === wanted
      ? `matches its manifest (SHA-256 ${found.slice(0, 12)}...)`
      : `DIFFERS from its manifest: ${found}`
  } catch (error) {
    return `unknown: ${(error as Error).message}`
  }
}
