import type { Dispatcher } from 'undici'
import { loadUndici } from '../../runtime/lazy.js'
import type { ClientKind } from './messages.js'
import { ENDPOINT_NAMES, type EndpointName, type PlannedRequest } from './script.js'
import { type SourceKind, serviceFrom } from './source.js'

/** One of the two that are compared. */
export interface Subject {
  readonly dispatcher: Dispatcher
  readonly engine?: { readonly kind: string; readonly reason?: string }
  states?(): Record<EndpointName, string>
}

/** Both as their users have them: every option at its default. */
export async function createSubject(
  kind: ClientKind,
  ports: Readonly<Record<EndpointName, number>>,
  source: SourceKind = 'list',
): Promise<Subject> {
  const endpoints = ENDPOINT_NAMES.map((id) => ({ id, url: `http://127.0.0.1:${ports[id]}` }))
  if (kind === 'balanced-pool') {
    const { BalancedPool } = loadUndici()
    return { dispatcher: new BalancedPool(endpoints.map(({ url }) => url)) }
  }
  const [{ Balancer }, { engine }] = await Promise.all([
    import('../../clients/balancer.js'),
    import('../../engine/index.js'),
  ])
  const balancer = new Balancer({ services: { demo: await serviceFrom(source, endpoints) } })
  await balancer.start()
  const states = () => {
    const known = balancer.stats().services['demo'].endpoints
    // A source may call them by other ids.
    const ids = new Map(balancer.service('demo').endpoints.map(({ id, url }) => [url, id]))
    const stateOf = (url: string) => known[ids.get(url) ?? '']?.state ?? 'not found'
    return Object.fromEntries(endpoints.map(({ id, url }) => [id, stateOf(url)])) as Record<
      EndpointName,
      string
    >
  }
  return { dispatcher: balancer.dispatcher(), engine, states }
}

const FIRST_FAILURE_STATUS = 400

/** Sends one request, and resolves at the end of its answer: which endpoint gave it. */
export async function request(
  { dispatcher }: Subject,
  { method, work }: Omit<PlannedRequest, 'dueMs'>,
  signal?: AbortSignal,
): Promise<EndpointName> {
  const { statusCode, headers, body } = await dispatcher.request({
    origin: 'http://demo',
    path: `/?work=${work.toFixed(3)}`,
    method,
    body: method === 'POST' ? 'an order' : null,
    signal,
  })
  await body.dump()
  if (statusCode >= FIRST_FAILURE_STATUS)
    throw Object.assign(new Error(`answered ${statusCode}`), { code: `HTTP_${statusCode}` })
  return headers['x-endpoint'] as EndpointName
}
