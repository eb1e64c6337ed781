import type { Dispatcher } from 'undici'
import type { DispatcherFactory } from '../../model/index.js'
import { isDispatcher } from '../../runtime/dispatchers.js'
import type { loadZod } from '../../runtime/lazy.js'
import { DEFAULT_PRIORITY, DEFAULT_WEIGHT, MAX_WEIGHT } from '../defaults.js'
import type { FieldKinds } from '../fields.js'
import { wrong } from '../words.js'

const MAX_ID_LENGTH = 256
const MAX_PRIORITY = 127
const DISPATCHER = 'an undici `Dispatcher`, or a function `(endpoint, options) => Dispatcher`'

export const weight = ({ bare }: FieldKinds) => bare(weightSpec)

const weightSpec = {
  about: 'Share of traffic relative to the other endpoints; fractions are allowed.',
  min: 0,
  above: true,
  max: MAX_WEIGHT,
  default: `${DEFAULT_WEIGHT}`,
  hint: (value: unknown) => {
    if (value === 0) return '; to send an endpoint no traffic, leave it out or drain it'
    return typeof value === 'number' && value > 0 && value < 1 ? '; it is too small to be told from 0' : ''
  },
} as const

/** The id of an endpoint or a rule. */
export const id = ({ text }: FieldKinds, about: string, fallback: string) =>
  text({
    right: `text of 1 to ${MAX_ID_LENGTH} characters`,
    pattern: /./,
    maxLength: MAX_ID_LENGTH,
    default: fallback,
    about,
  })

/** A region or zone. */
export const place = ({ text }: FieldKinds, about: string) =>
  text({
    right: `text of at most ${MAX_ID_LENGTH} characters`,
    maxLength: MAX_ID_LENGTH,
    default: "`''`",
    about,
  })

export const endpointShape = (z: ReturnType<typeof loadZod>, kinds: FieldKinds) => ({
  url: kinds.required(
    z.string({ error: (issue) => wrong('a URL like `http://10.0.0.1:8080`', issue.input) }),
    {
      range: 'a URL like `http://10.0.0.1:8080`',
      about: 'Origin of the endpoint: scheme, host and port; no path, query, fragment or credentials.',
    },
  ),
  id: id(
    kinds,
    'Unique within its service; what `stats()`, rules and `service.set` call it.',
    "the URL's origin",
  ),
  weight: kinds.number(weightSpec),
  zone: place(kinds, 'Zone that the endpoint is in.'),
  region: place(kinds, 'Region that the endpoint is in.'),
  priority: kinds.number({
    integer: true,
    min: 0,
    max: MAX_PRIORITY,
    default: `${DEFAULT_PRIORITY}`,
    source: 'Envoy',
    about: '0 is preferred; higher levels take over when lower ones lack healthy endpoints.',
  }),
  metadata: kinds.record('an object', {
    default: '`{}`',
    about: 'Plain data of your own, handed back with the endpoint.',
  }),
  dispatcher: kinds.documented(
    z.custom<Dispatcher | DispatcherFactory>((value) => typeof value === 'function' || isDispatcher(value), {
      error: (issue) => wrong(DISPATCHER, issue.input),
    }),
    {
      type: 'function or object',
      range: DISPATCHER,
      default: "the service's `client.dispatcher`",
      about:
        'Sends the requests to this endpoint, in this thread alone; see [clients.md](clients.md#dispatchers-of-your-own).',
    },
  ),
})
