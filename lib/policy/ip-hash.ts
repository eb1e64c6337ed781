import { isIPv4 } from 'node:net'
import type { PickOptions } from '../model/index.js'
import { mix } from '../runtime/bits.js'
import { randomPosition, reserveFrom } from './choose.js'
import { hashText, textOf } from './hash.js'
import { stateless } from './policy.js'

/** Positions tried by hashing again before the choice falls back to the first usable endpoint after the last one. */
const REHASHES = 20

/**
 * One client address, one endpoint: the hash of the address is taken modulo all endpoints of the service, usable or
 * not, so that an endpoint that is out moves only its own clients (they hash again, up to 20 times, as nginx's
 * `ip_hash`). IPv4 counts by its first three octets, IPv6 whole, as there. A request without `clientIp` uses its `key`,
 * and one without either goes to a random endpoint. Weights are ignored.
 */
export const ipHash = stateless({
  name: 'ip-hash',
  options: {},
  otherNames: ['source-ip'],
  latency: 'plain',
  ignoresWeights: true,
  keyOf: textOfRequest,
  picker: (view) => {
    const { all, isUsable, slots, state } = view
    const positionOf = new Map(view.usable.map(({ slot }, position) => [slot, position]))
    return (request) => {
      if (slots.length === 0) return -1
      const text = textOfRequest(request)
      if (text === undefined) return reserveFrom(view, slots, randomPosition(view, slots.length))
      let hash = hashText(text)
      for (let i = 0; i < REHASHES; i++) {
        const { slot } = all[hash % all.length]
        if (isUsable(slot) && state.core.reserve(slot)) return slot
        hash = mix(hash + i + 1)
      }
      let at = hash % all.length
      while (!isUsable(all[at].slot)) at = (at + 1) % all.length
      return reserveFrom(view, slots, positionOf.get(all[at].slot) as number)
    }
  },
})

/** The client's network, else the key. */
function textOfRequest(request: PickOptions): string | undefined {
  const ip = textOf('clientIp', request.clientIp)
  return ip === undefined ? textOf('key', request.key) : network(ip)
}

/** The /24 network of an IPv4 address, mapped ones included; any other text as it is. */
function network(ip: string): string {
  const plain = ip.startsWith('::ffff:') ? ip.slice('::ffff:'.length) : ip
  return isIPv4(plain) ? plain.slice(0, plain.lastIndexOf('.')) : ip
}
