/** The options of a source that asks Consul. */
import { choice, flag, group, text } from '../../options/kinds.js'
import type { ResolvedOf } from '../../options/types.js'
import { wrong } from '../../options/words.js'
import { duration, isHttpUrl, MAX_PATH } from '../option-kinds.js'

/** Consul does not wait for longer. */
const MAX_WAIT_MS = 600_000
const SERVICE = /^[a-z0-9_][a-z0-9_.-]{0,254}$/i
const DATACENTER = /^[a-z0-9_-]{1,64}$/i
/** Without control characters and spaces. */
const TAG = /^[!-~\u00a1-\uffff]{1,255}$/

const SERVER = 'a URL like `http://127.0.0.1:8500`, without a user, query or fragment'

export const CONSUL_SOURCE = group(
  {
    service: text({
      right: 'a name of letters, digits, dots, hyphens and underscores',
      required: true,
      pattern: SERVICE,
      about: 'Name of the service in Consul.',
    }),
    datacenter: text({
      right: 'a name of letters, digits, hyphens and underscores',
      pattern: DATACENTER,
      defaultText: "the agent's",
      about: 'Datacenter that is asked for the service.',
    }),
    tag: text({
      right: 'a tag of 1 to 255 characters, without spaces',
      pattern: TAG,
      defaultText: 'none',
      about: 'Only instances with this tag.',
    }),
    server: text({
      right: SERVER,
      accept: isServer,
      // Messages end up in logs, where no password belongs.
      message: (value) =>
        wrong(SERVER, typeof value === 'string' ? value.replace(/\/\/[^/?#]*@/, '//***@') : value),
      default: 'http://127.0.0.1:8500',
      about: 'The HTTP API of an agent.',
    }),
    tokenFile: text({
      right: 'a path',
      minLength: 1,
      maxLength: MAX_PATH,
      defaultText: 'no token',
      about: 'File of the ACL token that is sent. It is read again for each request.',
    }),
    caFile: text({
      right: 'a path',
      minLength: 1,
      maxLength: MAX_PATH,
      defaultText: 'those that Node knows',
      about: "File of the authorities that the agent's certificate is checked against.",
    }),
    scheme: choice(['http', 'https'], { default: 'http', about: 'Scheme of each endpoint.' }),
    passing: flag({
      default: true,
      about:
        'Only instances whose checks all pass. `false`: those with warnings, too, by their `Weights.Warning`; never critical ones.',
    }),
    timeout: duration(5_000, 'Wait for an answer, beyond `wait`.'),
    wait: duration(
      300_000,
      'For how long the agent is to hold a request while nothing changes.',
      MAX_WAIT_MS,
    ),
  },
  { off: true, summary: 'The instances of a service in Consul, by blocking queries.' },
)

export type ResolvedConsul = ResolvedOf<typeof CONSUL_SOURCE.shape>

function isServer(url: string): boolean {
  if (!isHttpUrl(url)) return false
  const { username, password, search, hash } = new URL(url)
  return username + password + search + hash === ''
}
