/** Who is put under overload: each a way to send one request with a deadline. */
import { Agent, BalancedPool } from 'undici'
import { startHaproxy } from './haproxy.js'

export type Subject =
  /** `given`: limits.perEndpoint.maxRequests. */
  | { readonly kind: 'fairlead'; readonly given?: number }
  | { readonly kind: 'balanced-pool' | 'agent' }
  /** Connections to one server at once, and the longest wait in its queue. */
  | { readonly kind: 'haproxy'; readonly maxconn: number; readonly queueMs: number }

export interface Sender {
  /** Resolves when the answer is there with status 200; rejects in every other case. */
  send(deadlineMs: number, priority?: number): Promise<void>
  close(): Promise<void>
}

const SERVICE = 'users'

/** `known`: the balancer is told the deadline; else there is an `AbortSignal` alone, as for all others. */
export async function createSender(
  subject: Subject,
  ports: readonly number[],
  known: boolean,
): Promise<Sender> {
  const origins = ports.map((port) => `http://127.0.0.1:${port}`)
  if (subject.kind === 'fairlead') return fairlead(origins, subject.given, known)
  if (subject.kind === 'haproxy') {
    const haproxy = await startHaproxy(ports, subject.maxconn, subject.queueMs)
    const sender = undici(new Agent(), () => haproxy.origin)
    return { send: sender.send, close: () => sender.close().finally(() => haproxy.stop()) }
  }
  if (subject.kind === 'balanced-pool') return undici(new BalancedPool(origins), () => origins[0])
  let turn = 0
  return undici(new Agent(), () => origins[turn++ % origins.length])
}

function undici(dispatcher: Agent | BalancedPool, origin: () => string): Sender {
  return {
    async send(deadlineMs) {
      const signal = AbortSignal.timeout(deadlineMs)
      const { statusCode, body } = await dispatcher.request({
        origin: origin(),
        path: '/',
        method: 'GET',
        signal,
      })
      await body.dump()
      if (statusCode !== 200) throw new Error(`status ${statusCode}`)
    },
    close: () => dispatcher.destroy(),
  }
}

/** Loaded only here, so that the processes of others are theirs alone. */
async function fairlead(endpoints: string[], given: number | undefined, known: boolean): Promise<Sender> {
  const { Balancer } = await import('fairlead')
  const limits = given === undefined ? {} : { limits: { perEndpoint: { maxRequests: given } } }
  const balancer = new Balancer({ services: { [SERVICE]: { endpoints, ...limits } } })
  await balancer.start()
  return {
    async send(deadlineMs, priority) {
      const balance = {
        ...(known ? { deadlineMs } : {}),
        ...(priority === undefined ? {} : { priority }),
      }
      const signal = known ? {} : { signal: AbortSignal.timeout(deadlineMs) }
      const answer = await balancer.fetch(`http://${SERVICE}/`, { ...signal, balance })
      await answer.arrayBuffer()
      if (answer.status !== 200) throw new Error(`status ${answer.status}`)
    },
    close: () => balancer.stop({ drainMs: 0 }),
  }
}
