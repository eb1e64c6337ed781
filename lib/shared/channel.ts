import { BroadcastChannel } from 'node:worker_threads'
import type { SourceNews } from '../observe/source-news.js'

/** What threads tell each other. Nothing depends on a message but how soon: what counts stands in shared memory. */
export type Message =
  /** There is something to read in the shared configuration. `reply`: the sender waits until all have read it. */
  | { readonly kind: 'configuration-changed'; readonly reply: boolean }
  | { readonly kind: 'adopted' }
  /** The sender could not read the configuration in force: who has it is to publish it once more. */
  | { readonly kind: 'unreadable' }
  /** There is no leader. */
  | { readonly kind: 'leader-resigned' }
  /** An endpoint of that service was ejected, or set by hand: the leader may have to try to connect to it, or to check it no more. */
  | { readonly kind: 'inspect'; readonly service: number }
  /** A request waits for a connection to that slot of that service, or to any (-1), and a limit is reached. */
  | { readonly kind: 'connection-wanted'; readonly service: number; readonly slot: number }
  /** What the leader's sources of endpoints have found, or how they are. */
  | { readonly kind: 'sources'; readonly news: readonly SourceNews[] }
  /** The sender does not know yet how they are. */
  | { readonly kind: 'sources-wanted' }
  /** There may be room for a connection more. */
  | { readonly kind: 'connection-freed'; readonly service: number }

/** Messages between the threads of one balancer. Keeps the event loop alive only while `hold` asks for it. */
export class Channel {
  readonly #channel: BroadcastChannel
  #holds = 0

  constructor(id: string, receive: (message: Message) => void) {
    this.#channel = new BroadcastChannel(`fairlead.balancer.${id}`)
    this.#channel.onmessage = (event) => receive((event as { data: Message }).data)
    this.#channel.unref()
  }

  /** To all other threads; where one balancer was attached twice in a thread, to the other one as well. */
  send(message: Message): void {
    this.#channel.postMessage(message)
  }

  hold(): void {
    if (this.#holds++ === 0) this.#channel.ref()
  }

  release(): void {
    if (--this.#holds === 0) this.#channel.unref()
  }

  close(): void {
    this.#channel.close()
  }
}
