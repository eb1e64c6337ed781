/** Who is measured: each a dispatcher over the same endpoints, made and used the same way. */
import type { PolicyName } from 'fairlead'
import { Agent, BalancedPool, type Dispatcher, Pool, RoundRobinPool } from 'undici'

export type SubjectSpec =
  | { readonly kind: 'balanced-pool' }
  /** Over the first endpoint alone: what there is without any balancing. */
  | { readonly kind: 'pool' | 'round-robin-pool' }
  /** Told the endpoints by turns. */
  | { readonly kind: 'agent'; readonly pipelining?: number }
  | { readonly kind: 'fairlead'; readonly policy: PolicyName; readonly checks?: boolean }

export interface Subject {
  readonly dispatcher: Dispatcher
  /** Origins that requests name, by turns. */
  readonly origins: readonly string[]
  /** Ends it and whatever is still in flight. */
  close(): Promise<void>
}

const SERVICE = 'users'
/**
 * Beyond any wait for the next slice: while the others have their turn, a client must not lose its connections and pay for
 * new ones. (undici's 4 s are near the length of a round.)
 */
const OPTIONS = { keepAliveTimeout: 60_000 }
/** fairlead's default, written out: what is measured should not hide in a default. */
const CHECK_INTERVAL_MS = 2_000

/** `ca`: of endpoints that speak HTTP/2 over TLS. */
export async function createSubject(
  spec: SubjectSpec,
  ports: readonly number[],
  ca?: string,
): Promise<Subject> {
  const origins = ports.map((port) => `http${ca === undefined ? '' : 's'}://127.0.0.1:${port}`)
  const options = ca === undefined ? OPTIONS : { ...OPTIONS, allowH2: true, connect: { ca } }
  if (spec.kind === 'fairlead') return fairlead(spec.policy, spec.checks === true, origins, options)
  const dispatcher = undici(spec, origins, options)
  const named = spec.kind === 'agent' ? origins : origins.slice(0, 1)
  return { dispatcher, origins: named, close: () => dispatcher.destroy() }
}

type Options = typeof OPTIONS & { readonly allowH2?: boolean; readonly connect?: { readonly ca: string } }

function undici(
  spec: Exclude<SubjectSpec, { kind: 'fairlead' }>,
  origins: string[],
  options: Options,
): Dispatcher {
  if (spec.kind === 'balanced-pool') return new BalancedPool(origins, options)
  if (spec.kind === 'agent') return new Agent({ ...options, pipelining: spec.pipelining ?? 1 })
  return spec.kind === 'pool' ? new Pool(origins[0], options) : new RoundRobinPool(origins[0], options)
}

/** Loaded only here, so that the processes of others are theirs alone. */
async function fairlead(
  policy: PolicyName,
  checks: boolean,
  endpoints: string[],
  client: Options,
): Promise<Subject> {
  const { Balancer } = await import('fairlead')
  const health = { http: { path: '/' }, interval: CHECK_INTERVAL_MS }
  const balancer = new Balancer({
    services: { [SERVICE]: { endpoints, policy, client, ...(checks ? { health } : {}) } },
  })
  await balancer.start()
  return {
    dispatcher: balancer.dispatcher(),
    origins: [`http://${SERVICE}`],
    close: () => balancer.stop({ drainMs: 0 }),
  }
}
