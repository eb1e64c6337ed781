/** Who is measured: each a dispatcher over the same endpoints, made and used the same way. */
import type { PolicyName } from 'fairlead'
import { BalancedPool, type Dispatcher, Pool, RoundRobinPool } from 'undici'

export type SubjectSpec =
  | { readonly kind: 'balanced-pool' }
  /** Over the first endpoint alone: what there is without any balancing. */
  | { readonly kind: 'pool' | 'round-robin-pool' }
  | { readonly kind: 'fairlead'; readonly policy: PolicyName; readonly checks?: boolean }

export interface Subject {
  readonly dispatcher: Dispatcher
  /** Origin that requests name. */
  readonly origin: string
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

export async function createSubject(spec: SubjectSpec, ports: readonly number[]): Promise<Subject> {
  const origins = ports.map((port) => `http://127.0.0.1:${port}`)
  if (spec.kind === 'fairlead') return fairlead(spec.policy, spec.checks === true, origins)
  const dispatcher = undici(spec.kind, origins)
  return { dispatcher, origin: origins[0], close: () => dispatcher.destroy() }
}

function undici(kind: 'balanced-pool' | 'pool' | 'round-robin-pool', origins: string[]): Dispatcher {
  if (kind === 'balanced-pool') return new BalancedPool(origins, OPTIONS)
  return kind === 'pool' ? new Pool(origins[0], OPTIONS) : new RoundRobinPool(origins[0], OPTIONS)
}

/** Loaded only here, so that the processes of others are theirs alone. */
async function fairlead(policy: PolicyName, checks: boolean, endpoints: string[]): Promise<Subject> {
  const { Balancer } = await import('fairlead')
  const health = { http: { path: '/' }, interval: CHECK_INTERVAL_MS }
  const balancer = new Balancer({
    services: { [SERVICE]: { endpoints, policy, client: OPTIONS, ...(checks ? { health } : {}) } },
  })
  await balancer.start()
  return {
    dispatcher: balancer.dispatcher(),
    origin: `http://${SERVICE}`,
    close: () => balancer.stop({ drainMs: 0 }),
  }
}
