/** The question that is sent to a server, and the reply that is taken from it. */
import { malformed } from './errors.js'
import { loadPacket } from './packet.js'
import { MessageReader, type WireRecord } from './wire.js'

export type RecordType = 'A' | 'AAAA' | 'SRV'
export interface Question {
  readonly name: string
  readonly type: RecordType
}

export interface Reply {
  /** Response code: 0 is "no error". */
  readonly code: number
  /** The server left records out that did not fit; then there are none here. */
  readonly truncated: boolean
  /** The server is responsible for the zone, or looks names up for its clients: its "there is none" can be believed. */
  readonly competent: boolean
  readonly answers: readonly WireRecord[]
  readonly additionals: readonly WireRecord[]
  /** For how long it holds that there is none, ms; 0 where that is not said. */
  readonly negativeTtlMs: number
}

export const CODE = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const
export const MAX_RECORDS = 4_096

/** What an answer may have over UDP without being cut to pieces on its way (DNS Flag Day 2020). */
const UDP_PAYLOAD_BYTES = 1_232
const HEADER_BYTES = 12
const TYPE_NUMBERS: Record<RecordType, number> = { A: 1, AAAA: 28, SRV: 33 }
const CLASS_INTERNET = 1
const FLAG = {
  response: 0x8000,
  authoritative: 0x0400,
  truncated: 0x0200,
  recursionAvailable: 0x0080,
} as const
const OPCODE_MASK = 0x7800
const CODE_MASK = 0x000f

/** @param edns says that a reply over UDP may be longer than 512 bytes; some old servers do not know of it */
export function writeQuery(id: number, { name, type }: Question, edns: boolean): Buffer {
  const { encode, RECURSION_DESIRED } = loadPacket()
  return encode({
    type: 'query',
    id,
    flags: RECURSION_DESIRED,
    questions: [{ name, type, class: 'IN' }],
    additionals: edns
      ? [
          {
            type: 'OPT',
            name: '.',
            udpPayloadSize: UDP_PAYLOAD_BYTES,
            extendedRcode: 0,
            ednsVersion: 0,
            flags: 0,
            flag_do: false,
            options: [],
          },
        ]
      : [],
  })
}

/** Undefined where this is no reply to that question. Throws a `ServerFault` where it is, and cannot be read. */
export function readReply(bytes: Buffer, id: number, question: Question): Reply | undefined {
  if (bytes.length < HEADER_BYTES || bytes.readUInt16BE(0) !== id) return undefined
  const flags = bytes.readUInt16BE(2)
  if ((flags & FLAG.response) === 0 || (flags & OPCODE_MASK) !== 0) return undefined
  const reader = new MessageReader(bytes, HEADER_BYTES)
  const reply = {
    code: flags & CODE_MASK,
    truncated: (flags & FLAG.truncated) !== 0,
    competent: (flags & (FLAG.authoritative | FLAG.recursionAvailable)) !== 0,
    answers: [],
    additionals: [],
    negativeTtlMs: 0,
  }
  const questions = bytes.readUInt16BE(4)
  // Who could not read the question cannot repeat it.
  if (questions === 0 && reply.code === CODE.FORMERR) return reply
  if (questions !== 1 || !repeats(reader, question)) return undefined
  // One that was cut may end in the middle of a record.
  if (reply.truncated) return reply

  const [answers, authorities, additionals] = [6, 8, 10].map((at) => bytes.readUInt16BE(at)) as [
    number,
    number,
    number,
  ]
  const announced = answers + authorities + additionals
  if (announced > MAX_RECORDS)
    throw malformed(
      `has ${announced.toLocaleString('en-US')} records, of which ${MAX_RECORDS.toLocaleString('en-US')} can be taken`,
    )
  const read = (count: number): WireRecord[] =>
    Array.from({ length: count }, () => reader.record()).filter((record) => record !== undefined)
  const sections = { answers: read(answers), authorities: read(authorities), additionals: read(additionals) }
  const options = sections.additionals.find((record) => record.type === 'OPT')
  const code = reply.code + (options?.codeHigh ?? 0) * (CODE_MASK + 1)
  const negativeTtlMs = sections.authorities.find((record) => record.type === 'SOA')?.ttlMs ?? 0
  return { ...reply, code, answers: sections.answers, additionals: sections.additionals, negativeTtlMs }
}

function repeats(reader: MessageReader, { name, type }: Question): boolean {
  try {
    return (
      reader.name() === name.toLowerCase() &&
      reader.u16() === TYPE_NUMBERS[type] &&
      reader.u16() === CLASS_INTERNET
    )
  } catch {
    return false
  }
}
