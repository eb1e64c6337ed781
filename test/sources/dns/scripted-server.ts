/** A DNS server on loopback that says whatever a test wants, over UDP and TCP on one port. Written over dns-packet. */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import packet, { type Answer, type DecodedPacket, type Packet } from 'dns-packet'
import { freePort } from './dnsmasq.js'

export interface Scripted {
  /** As `lookup` takes it. */
  readonly address: string
  readonly port: number
  /** What was asked, in order: `udp A a.test`. */
  readonly asked: string[]
  /** TCP connections that are open. */
  readonly connections: Set<Socket>
  close(): Promise<void>
}

export interface UdpScene {
  readonly query: DecodedPacket
  readonly from: RemoteInfo
  readonly socket: UdpSocket
  /** From the port that was asked. */
  send(reply: Buffer): void
}

export interface Script {
  udp?(scene: UdpScene): void
  tcp?(socket: Socket, query: DecodedPacket): void
}

/** A reply to `query`: no error, with recursion, unless `more` says otherwise. */
export const replyTo = (query: DecodedPacket, answers: Answer[], more: Partial<Packet> = {}): Buffer =>
  packet.encode({
    type: 'response',
    id: query.id ?? 0,
    flags: packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE,
    questions: query.questions ?? [],
    answers,
    ...more,
  })

/** With a response code, like 2 for SERVFAIL. */
export function replyWithCode(query: DecodedPacket, code: number): Buffer {
  const reply = replyTo(query, [])
  reply.writeUInt16BE(reply.readUInt16BE(2) | code, 2)
  return reply
}

export const truncatedTo = (query: DecodedPacket): Buffer =>
  replyTo(query, [], { flags: packet.TRUNCATED_RESPONSE | packet.RECURSION_AVAILABLE })

export const withLength = (message: Buffer): Buffer => {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  return Buffer.concat([length, message])
}

export async function startScripted({ udp, tcp }: Script): Promise<Scripted> {
  const port = await freePort()
  const asked: string[] = []
  const connections = new Set<Socket>()
  const note = (over: string, { questions }: Packet): void => {
    asked.push(`${over} ${questions?.[0]?.type} ${questions?.[0]?.name}`)
  }

  const socket = createSocket('udp4')
  socket.on('message', (message, from) => {
    const query = packet.decode(message)
    note('udp', query)
    udp?.({ query, from, socket, send: (reply) => socket.send(reply, from.port, from.address) })
  })
  socket.bind(port, '127.0.0.1')
  const server = createServer((connection) => {
    connections.add(connection)
    connection.on('close', () => connections.delete(connection))
    connection.on('error', () => {})
    connection.once('data', (data) => {
      const query = packet.decode(data.subarray(2))
      note('tcp', query)
      tcp?.(connection, query)
    })
  })
  server.listen(port, '127.0.0.1')
  await Promise.all([once(socket, 'listening'), once(server, 'listening')])

  return {
    address: `127.0.0.1:${port}`,
    port,
    asked,
    connections,
    async close() {
      for (const connection of connections) connection.destroy()
      await Promise.all([
        new Promise<void>((resolve) => socket.close(resolve)),
        new Promise((resolve) => server.close(resolve)),
      ])
    },
  }
}
