/** The options of an endpoint. */
import type { Dispatcher } from 'undici'
import type { DispatcherFactory } from '../model/index.js'
import { id, place } from '../options/common.js'
import { flag, group, instance, number, record, text, ts } from '../options/kinds.js'
import { isDispatcher } from '../runtime/dispatchers.js'

export const MAX_WEIGHT = 65_535
const MAX_PRIORITY = 127
const DISPATCHER = 'an undici `Dispatcher`, or a function `(endpoint, options) => Dispatcher`'

export const WEIGHT = number({
  about: 'Share of traffic relative to the other endpoints; fractions are allowed.',
  min: 0,
  above: true,
  max: MAX_WEIGHT,
  default: 1,
  hint: (value) => {
    if (value === 0) return '; to send an endpoint no traffic, leave it out or drain it'
    return typeof value === 'number' && value > 0 && value < 1 ? '; it is too small to be told from 0' : ''
  },
})

export const ENDPOINT = group(
  {
    url: text({
      right: 'a URL like `http://10.0.0.1:8080`',
      required: true,
      about: 'Origin of the endpoint: scheme, host and port; no path, query, fragment or credentials.',
    }),
    id: id({
      defaultText: "the URL's origin",
      about: 'Unique within its service; what `stats()`, rules and `service.set` call it.',
    }),
    resolve: flag({
      default: false,
      about:
        'The host is a name, and each of its addresses an endpoint: as a `dns` source, with the rest of what is said here. For endpoints of a configuration.',
    }),
    weight: WEIGHT,
    zone: place('Zone that the endpoint is in.'),
    region: place('Region that the endpoint is in.'),
    priority: number({
      integer: true,
      min: 0,
      max: MAX_PRIORITY,
      default: 0,
      source: 'Envoy',
      about: '0 is preferred; higher levels take over when lower ones lack healthy endpoints.',
    }),
    metadata: record('an object', {
      ts: ts<Record<string, unknown>>('Record<string, unknown>'),
      default: {},
      defaultText: '`{}`',
      about: 'Plain data of your own, handed back with the endpoint.',
    }),
    dispatcher: instance((value) => typeof value === 'function' || isDispatcher(value), DISPATCHER, {
      type: 'function or object',
      ts: ts<Dispatcher | DispatcherFactory>('Dispatcher | DispatcherFactory'),
      defaultText: "the service's `client.dispatcher`",
      about:
        'Sends the requests to this endpoint, in this thread alone; see [clients.md](clients.md#dispatchers-of-your-own).',
    }),
  },
  { name: 'EndpointConfig', summary: 'An endpoint as configured: a URL, or an object.' },
)
