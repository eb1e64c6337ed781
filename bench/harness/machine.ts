import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import { join } from 'node:path'

const MIB = 2 ** 20

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryMiB: number
  readonly os: string
  readonly arch: string
  readonly node: string
  readonly v8: string
  /** Load averages of the last 1, 5 and 15 minutes at the start: above 0 something else ran here, too. */
  readonly load: readonly number[]
  /** Versions of what was measured. */
  readonly versions: Readonly<Record<string, string>>
}

const PACKAGES = [
  'fairlead',
  'undici',
  '@grpc/grpc-js',
  'fastq',
  'piscina',
  'ringbuf.js',
  'hashring',
  'http-proxy',
] as const

export function describeMachine(): Machine {
  const cpus = os.cpus()
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memoryMiB: Math.round(os.totalmem() / MIB),
    os: `${os.type()} ${os.release()}`,
    arch: process.arch,
    node: process.versions.node,
    v8: process.versions.v8,
    load: os.loadavg().map((one) => Number(one.toFixed(2))),
    versions: Object.fromEntries(PACKAGES.map((name) => [name, versionOf(name)])),
  }
}

/** By its `package.json`, wherever Node's resolution finds the package. */
function versionOf(name: string): string {
  for (const folder of createRequire(import.meta.url).resolve.paths(name) ?? []) {
    const version = readVersion(join(folder, name, 'package.json'))
    if (version !== undefined) return version
  }
  return (
    (name === 'fairlead' && readVersion(new URL('../../package.json', import.meta.url))) || 'not installed'
  )
}

function readVersion(path: string | URL): string | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).version
  } catch {
    return undefined
  }
}
