/** The process of a relay: one for each target, on this host. Driven over IPC. */
import { failToStart, obey } from '../fault-table/orders.js'
import { type Link, Relay, type Target } from './relay.js'

const targets: Target[] = JSON.parse(process.argv[2])

Promise.all(targets.map((target) => Relay.listen(target))).then(
  (relays) =>
    obey({
      addresses: () => relays.map(({ address }) => address),
      shape(link: Link) {
        for (const relay of relays) relay.shape(link)
      },
    }),
  failToStart,
)
