import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { elfFault } from '../../lib/engine/native/elf.js'
import { loadAddon } from '../../lib/engine/native/load.js'

const BUILT = join(import.meta.dirname, '../../build/Release/fairlead.node')
const E_MACHINE = 18
const AARCH64 = 183
const S390X = 22

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fairlead-load-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

/** Puts a binary where node-gyp-build looks for it; `manifestOf`: the bytes its manifest describes, if there is one. */
function place(bytes: Buffer, manifestOf: Buffer | undefined = bytes): string {
  const folder = join(root, 'build/Release')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'fairlead.node'), bytes)
  if (manifestOf !== undefined) {
    const sha256 = createHash('sha256').update(manifestOf).digest('hex')
    const files = { 'fairlead.node': { size: manifestOf.length, sha256 } }
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ files }))
  }
  return join(folder, 'fairlead.node')
}

function errorOf(loaded: ReturnType<typeof loadAddon>): Error {
  if (!('error' in loaded)) throw new Error(`${loaded.path} was loaded`)
  return loaded.error
}

describe('loadAddon', () => {
  test('no binary: says so, keeps the cause', () => {
    const error = errorOf(loadAddon(root))
    expect(error.message).toContain(`there is no binary for ${process.platform}-${process.arch}`)
    expect(error.cause).toBeInstanceOf(Error)
  })

  test('a folder in the place of the binary', () => {
    mkdirSync(join(root, 'build/Release/fairlead.node'), { recursive: true })
    expect(errorOf(loadAddon(root)).message).toMatch(/cannot be read: EISDIR/)
  })

  test('no manifest: refused, since nothing says that the file is whole', () => {
    const path = place(Buffer.from('binary'))
    rmSync(join(root, 'build/Release/manifest.json'))
    const error = errorOf(loadAddon(root))
    expect(error.message).toContain(`${path} cannot be verified`)
    expect((error.cause as NodeJS.ErrnoException).code).toBe('ENOENT')
  })

  test.each([['{'], ['null'], ['{}'], ['{"files":{"other.node":{"size":1,"sha256":""}}}']])(
    'manifest %s',
    (text) => {
      place(Buffer.from('binary'))
      writeFileSync(join(root, 'build/Release/manifest.json'), text)
      expect(errorOf(loadAddon(root)).message).toMatch(/cannot be verified/)
    },
  )

  test('another size or another content than the manifest says', () => {
    place(Buffer.from('bina'), Buffer.from('binary'))
    expect(errorOf(loadAddon(root)).message).toMatch(/damaged: 4 bytes, its manifest says 6/)
    place(Buffer.from('binarx'), Buffer.from('binary'))
    expect(errorOf(loadAddon(root)).message).toMatch(/damaged: its SHA-256/)
  })

  test.runIf(process.platform === 'linux')('garbage that its manifest describes', () => {
    place(Buffer.alloc(100_000, 0x5a))
    expect(errorOf(loadAddon(root)).message).toMatch(/is not an ELF file/)
  })

  test('a manifest that is right about a file that is no binary: the linker refuses it, the cause is kept', () => {
    place(process.platform === 'linux' ? syntheticElf() : Buffer.from('binary'))
    const error = errorOf(loadAddon(root))
    expect(error.message).toMatch(/cannot be loaded/)
    expect(error.cause).toBeInstanceOf(Error)
  })

  test.runIf(existsSync(BUILT))('the built addon loads from a root of its own', () => {
    const path = place(readFileSync(BUILT))
    copyFileSync(BUILT, path)
    const loaded = loadAddon(root)
    expect(loaded).toMatchObject({ path, addon: expect.any(Object) })
  })
})

/** Header, one program header, and nothing to map: passes the checks of its extents. */
function syntheticElf(): Buffer {
  const bytes = Buffer.alloc(64 + 56)
  bytes.write('\x7fELF', 'latin1')
  bytes.set([2, 1, 1], 4)
  bytes.writeUInt16LE(3, 16)
  bytes.writeUInt16LE({ x64: 62, arm64: AARCH64 }[process.arch as string] ?? 0, E_MACHINE)
  bytes.writeBigUInt64LE(64n, 32)
  bytes.writeUInt16LE(56, 54)
  bytes.writeUInt16LE(1, 56)
  return bytes
}

describe.runIf(['x64', 'arm64'].includes(process.arch))('elfFault', () => {
  const fault = (edit: (bytes: Buffer) => unknown) => {
    const bytes = syntheticElf()
    edit(bytes)
    return elfFault(bytes, process.arch)
  }

  test('finds nothing wrong with a whole file', () => {
    expect(elfFault(syntheticElf(), process.arch)).toBeUndefined()
  })

  test.each<[string, (bytes: Buffer) => unknown, RegExp]>([
    ['another machine', (b) => b.writeUInt16LE(S390X, E_MACHINE), /is built for s390x, this process is/],
    ['an unknown machine', (b) => b.writeUInt16LE(9999, E_MACHINE), /is built for machine 9999/],
    ['32 bits', (b) => b.writeUInt8(1, 4), /is not a 64-bit ELF file/],
    ['big endian', (b) => b.writeUInt8(2, 5), /has the other byte order/],
    ['an executable', (b) => b.writeUInt16LE(2, 16), /is not a shared object/],
    ['no program headers', (b) => b.writeUInt16LE(0, 56), /has no program headers/],
    ['program headers after the end', (b) => b.writeBigUInt64LE(65n, 32), /truncated: its program headers/],
    [
      'program headers far away',
      (b) => b.writeBigUInt64LE(2n ** 64n - 1n, 32),
      /truncated: its program headers/,
    ],
    ['a segment after the end', (b) => b.writeBigUInt64LE(121n, 64 + 32), /truncated: segment 0/],
    [
      'section headers after the end',
      (b) => b.writeUInt16LE(1, 60) && b.writeUInt16LE(64, 58) && b.writeBigUInt64LE(100n, 40),
      /truncated: its section headers/,
    ],
  ])('%s', (_name, edit, expected) => {
    expect(fault(edit)).toMatch(expected)
  })

  test.runIf(process.platform === 'linux' && existsSync(BUILT))(
    'any truncation of the real addon is found',
    () => {
      const whole = readFileSync(BUILT)
      expect(elfFault(whole, process.arch)).toBeUndefined()
      for (let length = 0; length < whole.length; length += 997) {
        expect(elfFault(whole.subarray(0, length), process.arch), `${length} bytes`).toBeDefined()
      }
      expect(elfFault(whole.subarray(0, -1), process.arch)).toMatch(/truncated/)
    },
  )

  test('random bytes behind the magic never throw', () => {
    let seed = 1
    for (let round = 0; round < 2000; round++) {
      const bytes = syntheticElf()
      for (let i = 16; i < 64; i++) {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
        if (seed >>> 30 === 0) bytes[i] = seed >>> 16
      }
      expect(() => elfFault(bytes, process.arch)).not.toThrow()
    }
  })
})
