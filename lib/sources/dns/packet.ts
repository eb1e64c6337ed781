/** dns-packet, loaded with the first question. */
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

let packet: typeof import('dns-packet') | undefined

export function loadPacket(): typeof import('dns-packet') {
  packet ??= require('dns-packet') as typeof import('dns-packet')
  return packet
}
