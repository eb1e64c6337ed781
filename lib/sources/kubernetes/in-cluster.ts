/** What a pod is given to find the API server and to be let in: two variables, and the files of its service account. */
import { readFile } from 'node:fs/promises'
import { isIPv6 } from 'node:net'
import { dirname, join } from 'node:path'
import type { ResolvedKubernetes } from './options.js'

const TOKEN_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/token'

export const tokenFileOf = ({ tokenFile = TOKEN_FILE }: ResolvedKubernetes): string => tokenFile

/** The API server, as configured or as a pod finds it. */
export function serverOf({ server }: ResolvedKubernetes, env: NodeJS.ProcessEnv = process.env): URL {
  if (server !== undefined) return new URL(server)
  const host = env.KUBERNETES_SERVICE_HOST
  if (!host)
    throw new Error(
      'KUBERNETES_SERVICE_HOST is not set, so this is no pod of a cluster; name the URL of its API server by `server`',
    )
  return new URL(`https://${isIPv6(host) ? `[${host}]` : host}:${env.KUBERNETES_SERVICE_PORT || 443}`)
}

/**
 * Read again for each request, since tokens are replaced while they are in use. undefined: there is none, and the request goes
 * out without. The pod's own token is not sent without TLS, unless its file is configured.
 */
export async function readToken(options: ResolvedKubernetes, server: URL): Promise<string | undefined> {
  if (server.protocol === 'http:' && options.tokenFile === undefined) return undefined
  return (await readIfThere(tokenFileOf(options)))?.trim() || undefined
}

/** undefined: the server's certificate is checked against the authorities that Node knows. */
export async function readAuthority(options: ResolvedKubernetes, server: URL): Promise<string | undefined> {
  if (server.protocol === 'http:') return undefined
  if (options.caFile !== undefined) return readFile(options.caFile, 'utf8')
  return readIfThere(join(dirname(tokenFileOf(options)), 'ca.crt'))
}

export async function readNamespace(options: ResolvedKubernetes): Promise<string> {
  if (options.namespace !== undefined) return options.namespace
  return (await readIfThere(join(dirname(tokenFileOf(options)), 'namespace')))?.trim() || 'default'
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}
