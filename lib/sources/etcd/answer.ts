/** Answers of etcd's JSON gateway, whatever they hold: they come from outside. */
import type { Readable } from 'node:stream'
import { isRecord } from '../../options/kinds.js'
import { GRPC, RefusedError, TokenError, TooLongError } from './errors.js'

const MAX_MESSAGE_LENGTH = 300
const INTEGER = /^-?\d{1,19}$/

/** The body as text. Throws where it is longer. */
export async function readBody(body: Readable, maxBytes: number, name: string): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += (chunk as Uint8Array).length
    if (bytes > maxBytes) {
      body.destroy()
      throw new TooLongError(
        `${name} answers with more than ${maxBytes} bytes, the most that are taken`,
        undefined,
      )
    }
    chunks.push(chunk as Uint8Array)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** @throws Error which names the server */
export function parseAnswer(text: string, name: string): Record<string, unknown> {
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {}
  if (!isRecord(answer)) throw new Error(`${name} answers with no JSON object`)
  return answer
}

/** What an answer says that is no 200. */
export function refusalOf(statusCode: number, text: string, name: string): Error {
  let said: unknown
  try {
    said = JSON.parse(text)
  } catch {}
  const { message, code } = messageOf(said)
  const what = `${name} answers ${statusCode}: ${message}`
  if (
    statusCode === 401 ||
    code === GRPC.unauthenticated ||
    /invalid auth token|user name is empty|auth store is old/.test(message)
  )
    return new TokenError(what, code)
  if (statusCode === 404 && code === undefined)
    return new Error(`${what}; etcd's JSON gateway is wanted, which etcd has since 3.4`)
  // Of the server, or of its cluster: another one may be better off.
  if (statusCode >= 500 || statusCode < 400 || code === undefined) return new Error(what)
  return new RefusedError(what, code)
}

/** The gateway writes errors in several ways, by its version and whether it is in a stream. */
export function messageOf(said: unknown): { message: string; code: number | undefined } {
  const error = isRecord(said) && isRecord(said.error) ? said.error : said
  if (!isRecord(error)) return { message: 'no message', code: undefined }
  const { message = error.error, code = error.grpc_code } = error
  return {
    message: typeof message === 'string' ? message.slice(0, MAX_MESSAGE_LENGTH) : 'no message',
    code: typeof code === 'number' ? code : undefined,
  }
}

/** A number of 64 bits, which the gateway writes as text, and not at all where it is 0. */
export function integerOf(value: unknown, what: string): bigint {
  if (value === undefined) return 0n
  if (typeof value === 'string' && INTEGER.test(value)) return BigInt(value)
  if (Number.isSafeInteger(value)) return BigInt(value as number)
  throw new Error(`${what} is ${(JSON.stringify(value) ?? typeof value).slice(0, 40)}, not a whole number`)
}

export function revisionOf(answer: Record<string, unknown>, name: string): bigint {
  const { header } = answer
  const revision = isRecord(header) ? integerOf(header.revision, `header.revision of ${name}`) : 0n
  if (revision <= 0n) throw new Error(`${name} answers without a \`header.revision\``)
  return revision
}

/** An array, which the gateway leaves out where it is empty. */
export function listOf(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw new Error(`${what} is no array`)
  return value
}
