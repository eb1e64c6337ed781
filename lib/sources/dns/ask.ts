/** One question, asked of the servers in turn until one of them answers. */
import { randomInt } from 'node:crypto'
import { monotonicNow } from '../../runtime/clock.js'
import { type Chain, followAliases, indexByName } from './aliases.js'
import { DnsError, type DnsErrorCode, malformed, ServerFault } from './errors.js'
import { CODE, type Question, type Reply, readReply, writeQuery } from './message.js'
import type { Server } from './server.js'
import type { SilentServers } from './silent-servers.js'
import { askOverTcp, askOverUdp, type Bounds } from './transport.js'
import type { WireRecord } from './wire.js'

const ROUNDS = 2
const ID_COUNT = 2 ** 16

export interface Asking {
  readonly servers: readonly Server[]
  /** For one server, over UDP and TCP together. */
  readonly timeoutMs: number
  readonly silence: SilentServers
}

export interface ServerAnswer {
  readonly server: Server
  readonly exists: boolean
  /** What the name leads to within the answer. */
  readonly chain: Chain
  readonly additionals: readonly WireRecord[]
  /** For how long it holds that there is none, ms; 0 where that is not said. */
  readonly negativeTtlMs: number
}

/** Rejects with a `DnsError` when every server has failed twice, or with the reason of `signal`. */
export async function askServers(
  question: Question,
  { servers, timeoutMs, silence }: Asking,
  signal: AbortSignal,
): Promise<ServerAnswer> {
  const faults = new Map<Server, ServerFault>()
  const inOrder = silence.order(servers)
  for (let round = 0; round < ROUNDS; round++) {
    for (const server of inOrder) {
      try {
        const answer = await askServer(question, server, { timeoutMs, signal })
        silence.answered(server)
        return answer
      } catch (error) {
        if (!(error instanceof ServerFault)) throw error
        faults.set(server, error)
        if (error.code === 'TIMEOUT' || error.code === 'UNREACHABLE') silence.silent(server)
        else silence.answered(server)
      }
    }
  }
  const said = [...faults].map(([server, fault]) => `${server.label} ${fault.message}`).join(', ')
  const code = [...faults.values()].at(-1)?.code ?? 'UNREACHABLE'
  throw new DnsError(code, question.name, question.type, said)
}

async function askServer(
  question: Question,
  server: Server,
  { timeoutMs, signal }: Bounds,
): Promise<ServerAnswer> {
  const deadline = monotonicNow() + timeoutMs
  // Each time with another id and from another port: an answer to one is none to the next.
  const send = (ask: typeof askOverUdp<Reply>, edns: boolean): Promise<Reply> => {
    const id = randomInt(ID_COUNT)
    const read = (message: Buffer): Reply | undefined => readReply(message, id, question)
    return ask(server, writeQuery(id, question, edns), read, {
      timeoutMs: Math.max(deadline - monotonicNow(), 1),
      signal,
    })
  }
  let edns = true
  let reply = await send(askOverUdp, edns)
  if (reply.code === CODE.FORMERR) {
    edns = false
    reply = await send(askOverUdp, edns)
  }
  if (reply.truncated) reply = await send(askOverTcp, edns)
  if (reply.truncated) throw malformed('is truncated over TCP too')

  const { code, answers, additionals, negativeTtlMs } = reply
  if (code !== CODE.NOERROR && code !== CODE.NXDOMAIN) throw refusal(code)
  // A referral, or what a server without upstreams says: others may know more.
  if (code === CODE.NOERROR && answers.length === 0 && !reply.competent)
    throw new ServerFault('REFUSED', 'does not look names up for its clients')
  const chain = followAliases(indexByName(answers), question.name, question.type)
  if (chain === undefined) throw malformed('has aliases (CNAME) in a circle, or too many of them')
  return { server, exists: code !== CODE.NXDOMAIN, chain, additionals, negativeTtlMs }
}

function refusal(code: number): ServerFault {
  const named: Record<number, DnsErrorCode> = {
    [CODE.FORMERR]: 'FORMERR',
    [CODE.SERVFAIL]: 'SERVFAIL',
    [CODE.REFUSED]: 'REFUSED',
  }
  const name = named[code]
  if (name !== undefined) return new ServerFault(name, `answered ${name}`)
  // What it cannot do: as good as a failure of the server.
  return new ServerFault('SERVFAIL', `answered with code ${code}`)
}
