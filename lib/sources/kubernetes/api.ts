/** What is asked of the Kubernetes API: the list of a service's EndpointSlices, and the changes since. */
import type { Readable } from 'node:stream'
import { isRecord } from '../../options/kinds.js'
import { Connection } from '../connection.js'
import { readAuthority, readNamespace, readToken, serverOf, tokenFileOf } from './in-cluster.js'
import type { ResolvedKubernetes } from './options.js'
import { MAX_SLICES, versionOf } from './slice-set.js'

const PAGE_SIZE = 500
/** A server may send fewer than it is asked for, and even none with a token for more. */
const MAX_PAGES = 1_000
const MAX_LIST_BYTES = 64 * 2 ** 20
const MAX_REFUSAL_BYTES = 64 * 1024
const MAX_MESSAGE_LENGTH = 500

/** The server does not have the changes since that version any more (410): a new list is needed, and nothing is wrong. */
export class GoneError extends Error {
  override readonly name = 'GoneError'
}

export interface SliceList {
  readonly objects: readonly unknown[]
  /** To watch from. */
  readonly version: string
}

/** Where a request goes, and what it is called in messages. */
interface Target {
  readonly server: URL
  readonly path: string
  readonly namespace: string
  /** Origin and path; no query, token or credentials. */
  readonly name: string
}

export class SliceApi {
  /** What was asked last, for messages. */
  asked = 'the API server'
  readonly #options: ResolvedKubernetes
  readonly #connection: Connection

  constructor(options: ResolvedKubernetes) {
    this.#options = options
    this.#connection = new Connection(async (server) => ({ ca: await readAuthority(options, server) }))
  }

  /** All slices of the service, page by page. */
  async list(signal: AbortSignal): Promise<SliceList> {
    const objects: unknown[] = []
    let bytes = MAX_LIST_BYTES
    let next = ''
    for (let page = 0; page < MAX_PAGES; page++) {
      const target = await this.#target('list')
      const body = await this.#get(
        target,
        { limit: PAGE_SIZE, ...(next !== '' && { continue: next }) },
        signal,
      )
      const text = await read(target, body, bytes, signal)
      bytes -= Buffer.byteLength(text)
      const list = parseList(target, text)
      if (objects.length + list.items.length > MAX_SLICES)
        throw new Error(`${target.name} has more than ${MAX_SLICES} EndpointSlices, the most that are taken`)
      objects.push(...list.items)
      if (list.next === '') return { objects, version: list.version }
      next = list.next
    }
    throw new Error(`the list of EndpointSlices has more than ${MAX_PAGES} pages, the most that are taken`)
  }

  /** The changes after that version, as they come, for so long; resolves as soon as the server has begun to answer. */
  async watch(version: string, seconds: number, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const target = await this.#target('watch')
    const query = { watch: 1, allowWatchBookmarks: true, resourceVersion: version, timeoutSeconds: seconds }
    const body = await this.#get(target, query, signal)
    this.#connection.unref()
    return chunksOf(target, body, signal)
  }

  /** The next request opens a connection of its own. */
  hangUp(): void {
    this.#connection.hangUp()
  }

  async #target(verb: 'list' | 'watch'): Promise<Target> {
    const server = serverOf(this.#options)
    const namespace = await readNamespace(this.#options)
    const path = `${server.pathname.replace(/\/+$/, '')}/apis/discovery.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/endpointslices`
    this.asked = `${server.origin}${path} (${verb})`
    return { server, path, namespace, name: this.asked }
  }

  async #get(
    target: Target,
    query: Readonly<Record<string, string | number | boolean>>,
    signal: AbortSignal,
  ): Promise<Readable> {
    const { server, path, name } = target
    const token = await readToken(this.#options, server)
    const parameters = new URLSearchParams({
      labelSelector: `kubernetes.io/service-name=${this.#options.service}`,
    })
    for (const [key, value] of Object.entries(query)) parameters.set(key, String(value))
    const headers = {
      accept: 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    }
    const { statusCode, body } = await this.#connection
      .request(server, { method: 'GET', path: `${path}?${parameters}`, headers, signal })
      .catch((error: unknown) => {
        throw signal.aborted ? signal.reason : said(`${name} cannot be asked`, error)
      })
    if (statusCode === 200) return body
    const message = await refusalOf(target, body, signal)
    if (statusCode === 410) throw new GoneError(`${name} answers 410: ${message}`)
    throw new Error(`${name} answers ${statusCode}: ${message}${this.#hint(statusCode, target, token)}`)
  }

  #hint(statusCode: number, { namespace }: Target, token: string | undefined): string {
    if (statusCode !== 401 && statusCode !== 403) return '; 200 is wanted'
    const anonymous =
      token === undefined ? `, and there was no token to send (${tokenFileOf(this.#options)})` : ''
    return `; the service account needs get, list and watch on endpointslices.discovery.k8s.io in namespace ${namespace}${anonymous}`
  }
}

async function* chunksOf(target: Target, body: Readable, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body) yield chunk as Uint8Array
  } catch (error) {
    throw signal.aborted ? signal.reason : said(`${target.name} broke off`, error)
  }
}

async function read(target: Target, body: Readable, maxBytes: number, signal: AbortSignal): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of chunksOf(target, body, signal)) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new Error(`${target.name} answers with more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parseList(target: Target, text: string): { items: unknown[]; version: string; next: string } {
  let list: unknown
  try {
    list = JSON.parse(text)
  } catch (error) {
    throw said(`${target.name} answers with no JSON`, error)
  }
  // null is how the API writes an empty list.
  const items = isRecord(list) && 'items' in list ? (list.items ?? []) : undefined
  const version = versionOf(list)
  if (!isRecord(list) || !Array.isArray(items) || version === '')
    throw new Error(
      `${target.name} answers with no list: \`items\` and \`metadata.resourceVersion\` are wanted`,
    )
  const next = (list.metadata as Record<string, unknown>).continue
  return { items, version, next: typeof next === 'string' ? next : '' }
}

/** The message of a `Status`, which is what the API sends instead of what was asked. */
export const statusMessage = (status: unknown): string =>
  isRecord(status) && typeof status.message === 'string'
    ? status.message.slice(0, MAX_MESSAGE_LENGTH)
    : 'no message'

/** What an answer says that is no 200; nothing where it is of no use. */
async function refusalOf(target: Target, body: Readable, signal: AbortSignal): Promise<string> {
  try {
    return statusMessage(JSON.parse(await read(target, body, MAX_REFUSAL_BYTES, signal)))
  } catch {
    return 'no message'
  }
}

/** Where all addresses of a host were tried, the error that sums it up has only a code. */
function said(what: string, error: unknown): Error {
  const { message, code } = error as { message?: string; code?: string }
  return new Error(`${what}: ${message || code || String(error)}`, { cause: error })
}
