/**
 * What can be told from a Linux binary's headers before it is mapped: that it is an ELF shared object for this
 * machine, and that every part its headers promise lies inside the file. Layout: the ELF-64 object file format,
 * "ELF Header", "Program Header" and "Sections".
 */
import { endianness } from 'node:os'

/** Identification and header: 64 bytes in ELF-64. */
const HEADER_BYTES = 64
const MAGIC = 0x7f454c46
const CLASS_64 = 2
const DATA_LITTLE = 1
const DATA_BIG = 2
const TYPE_SHARED_OBJECT = 3
const SECTION_WITHOUT_BYTES = 8
const PROGRAM_HEADER_BYTES = 56
const SECTION_HEADER_BYTES = 64

/** `e_machine` by Node's name of the architecture; the 64-bit ones that Node is built for. */
const MACHINES: Readonly<Record<string, number>> = {
  ppc64: 21,
  s390x: 22,
  x64: 62,
  arm64: 183,
  riscv64: 243,
  loong64: 258,
}

/** Why `bytes` cannot be loaded by a process of architecture `arch`, as the end of a sentence; undefined when nothing is wrong. */
export function elfFault(bytes: Buffer, arch: string): string | undefined {
  if (bytes.length < HEADER_BYTES || bytes.readUInt32BE(0) !== MAGIC) return 'is not an ELF file'
  const machine = MACHINES[arch]
  // An architecture without an entry (32-bit ones) is left to the dynamic linker.
  if (machine === undefined) return undefined
  if (bytes[4] !== CLASS_64) return 'is not a 64-bit ELF file'
  const little = endianness() === 'LE'
  if (bytes[5] !== (little ? DATA_LITTLE : DATA_BIG)) return 'has the other byte order'

  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const u16 = (at: number): number => view.getUint16(at, little)
  // Exact below 2^53; anything larger is outside any file, which is all that is asked here.
  const u64 = (at: number): number => Number(view.getBigUint64(at, little))

  if (u16(18) !== machine) return `is built for ${nameOf(u16(18))}, this process is ${arch}`
  if (u16(16) !== TYPE_SHARED_OBJECT) return 'is not a shared object'

  const programs = { at: u64(32), bytes: u16(54), count: u16(56) }
  const sections = { at: u64(40), bytes: u16(58), count: u16(60) }
  if (programs.count === 0 || programs.bytes !== PROGRAM_HEADER_BYTES) return 'has no program headers'
  if (programs.at + programs.count * programs.bytes > bytes.length)
    return 'is truncated: its program headers are missing'
  for (let i = 0, at = programs.at; i < programs.count; i++, at += programs.bytes) {
    if (u64(at + 8) + u64(at + 32) > bytes.length)
      return `is truncated: segment ${i} ends after the file does`
  }
  if (sections.count === 0) return undefined
  if (sections.bytes !== SECTION_HEADER_BYTES) return 'has section headers of an unknown size'
  if (sections.at + sections.count * sections.bytes > bytes.length)
    return 'is truncated: its section headers are missing'
  for (let i = 0, at = sections.at; i < sections.count; i++, at += sections.bytes) {
    if (view.getUint32(at + 4, little) === SECTION_WITHOUT_BYTES) continue
    if (u64(at + 24) + u64(at + 32) > bytes.length)
      return `is truncated: section ${i} ends after the file does`
  }
  return undefined
}

function nameOf(machine: number): string {
  const known = Object.entries(MACHINES).find(([, code]) => code === machine)
  return known?.[0] ?? `machine ${machine}`
}
