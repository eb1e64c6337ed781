/** The options of what talks to etcd: where it is, how one is let in, and under which keys services stand. */
import { MAX_MS } from '../../options/common.js'
import { type Faults, join } from '../../options/faults.js'
import { group, isRecord, list, number, text } from '../../options/kinds.js'
import type { ResolvedOf } from '../../options/types.js'

const MAX_PATH = 4_096
const MAX_KEY_TEXT = 512
/** One part of a key: no slash, since a slash ends it; nothing that is not seen. */
const SERVICE = /^[\w.:-]{1,253}$/

const pathOf = (about: string, defaultText = 'none') =>
  text({ right: 'a path', minLength: 1, maxLength: MAX_PATH, defaultText, about })

/** Of the source, and of whoever registers. */
export const ETCD_ACCESS = {
  servers: list(text({ right: 'a URL like `http://10.0.0.1:2379`', accept: isHttpUrl }), {
    right: 'an array of URLs like `http://10.0.0.1:2379`',
    nonEmpty: true,
    default: ['http://127.0.0.1:2379'],
    defaultText: "`['http://127.0.0.1:2379']`",
    about: 'Members of the cluster. One that fails is left for the next.',
  }),
  prefix: text({
    right: `text of at most ${MAX_KEY_TEXT} characters`,
    maxLength: MAX_KEY_TEXT,
    default: 'fairlead/services/',
    about:
      'What the keys begin with; a slash at its end may be left out. Endpoints stand at `prefix/service/id`.',
  }),
  username: text({
    right: 'a name',
    minLength: 1,
    maxLength: MAX_KEY_TEXT,
    defaultText: 'none',
    about: 'Name of the user, where etcd has authentication enabled.',
  }),
  passwordFile: pathOf('File of the password of the user. It is read again for each token.'),
  caFile: pathOf(
    "File of the authorities that the servers' certificates are checked against.",
    "Node's authorities",
  ),
  certFile: pathOf('File of the certificate that is shown to the servers.'),
  keyFile: pathOf('File of the key of that certificate.'),
  timeout: number({
    integer: true,
    min: 1,
    max: MAX_MS,
    unit: 'ms',
    default: 5_000,
    about: 'Time that one request to one server may take.',
  }),
} as const

export const SERVICE_NAME = text({
  right: 'a name of at most 253 letters, digits, `_`, `.`, `:` and `-`',
  required: true,
  pattern: SERVICE,
  about: 'Name of the service in the keys.',
})

export const ETCD_SOURCE = group(
  { service: SERVICE_NAME, ...ETCD_ACCESS },
  { off: true, summary: 'Keys of etcd, watched: those that a service registers itself under.' },
)

export type EtcdAccess = ResolvedOf<typeof ETCD_ACCESS>
export type ResolvedEtcd = ResolvedOf<typeof ETCD_SOURCE.shape>

/** What no option can say by itself. */
export function checkEtcd(etcd: unknown, path: string, faults: Faults): void {
  if (!isRecord(etcd)) return
  const { servers } = etcd
  for (const [i, server] of Array.isArray(servers) ? servers.entries() : [])
    checkServer(server, join(join(path, 'servers'), i), faults)
  for (const [one, other] of [
    ['username', 'passwordFile'],
    ['passwordFile', 'username'],
    ['certFile', 'keyFile'],
    ['keyFile', 'certFile'],
  ])
    if (etcd[one] !== undefined && etcd[other] === undefined)
      faults.add(join(path, other), `is missing: \`${one}\` takes it`)
}

function isHttpUrl(url: string): boolean {
  return /^https?:\/\//i.test(url) && URL.canParse(url)
}

/** Not said by the option itself, whose messages show the value: it may have a password. */
function checkServer(server: unknown, path: string, faults: Faults): void {
  if (typeof server !== 'string' || !isHttpUrl(server)) return
  const { username, password, pathname, search, hash } = new URL(server)
  if (`${username}${password}` !== '')
    faults.add(path, 'has a name or a password in it; write `username` and `passwordFile` beside it')
  else if (pathname !== '/' || `${search}${hash}` !== '')
    faults.add(path, 'has more than scheme, host and port; leave out the rest')
}
