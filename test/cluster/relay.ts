/** A TCP relay in user space: a slow, narrow or lossy link, and one that can be cut. */
import { once } from 'node:events'
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from 'node:net'

export interface Link {
  /** Added to each way. */
  readonly latencyMs: number
  /** Of each way; Infinity where it is left out. */
  readonly bytesPerSecond?: number
  /**
   * Of the packets, the share that is lost, 0 to 1. TCP sends them again, so that a loss is seen as a stall: what is behind it waits as
   * well.
   */
  readonly loss?: number
}

/** `up`: what goes to the target. */
export type Direction = 'up' | 'down'

export interface Target {
  readonly host: string
  readonly port: number
}

const PERFECT: Link = { latencyMs: 0 }
const PACKET_BYTES = 1_448
/** Linux' least time until a packet is sent again. */
const RESEND_MS = 200
const MS_PER_SECOND = 1_000
/** What may wait in one direction before the sender has to. */
const MAX_WAITING_BYTES = 1 << 20

export class Relay {
  readonly #server: Server
  readonly #target: Target
  readonly #random: () => number
  readonly #connections = new Set<Connection>()
  #link = PERFECT
  #cut: 'both' | Direction | undefined

  private constructor(target: Target, random: () => number) {
    this.#target = target
    this.#random = random
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket))
  }

  static async listen(target: Target, address = '127.0.0.1', random = Math.random): Promise<Relay> {
    const relay = new Relay(target, random)
    relay.#server.listen(0, address)
    await once(relay.#server, 'listening')
    return relay
  }

  /** `address:port`. */
  get address(): string {
    const { address, port } = this.#server.address() as AddressInfo
    return `${address}:${port}`
  }

  /** From now on the link is like this. */
  shape(link: Link): void {
    this.#link = link
  }

  /** Nothing gets through, and nobody is told. As with lost packets of TCP, what was sent meanwhile arrives after `heal`. */
  cut(cut: 'both' | Direction): void {
    this.#cut = cut
  }

  heal(): void {
    this.#cut = undefined
    for (const connection of this.#connections) connection.deliver()
  }

  /** Ends all connections with a reset. */
  reset(): void {
    for (const connection of this.#connections) connection.reset()
  }

  async close(): Promise<void> {
    this.reset()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #accept(near: Socket): void {
    const far = dial({ ...this.#target, allowHalfOpen: true })
    const connection: Connection = new Connection(near, far, (direction, bytes) =>
      this.#isCut(direction) ? undefined : this.#delayMs(bytes),
    )
    this.#connections.add(connection)
    far.once('close', () => this.#connections.delete(connection))
  }

  #isCut(direction: Direction): boolean {
    return this.#cut === 'both' || this.#cut === direction
  }

  /** How long a piece occupies the link, and for how long it is under way. */
  #delayMs(bytes: number): { busyMs: number; latencyMs: number } {
    const { latencyMs, bytesPerSecond = Number.POSITIVE_INFINITY, loss = 0 } = this.#link
    let busyMs = (bytes * MS_PER_SECOND) / bytesPerSecond
    for (let sent = 0; sent < bytes; sent += PACKET_BYTES) {
      // One that is lost again is waited for twice as long.
      for (let resendMs = RESEND_MS; this.#random() < loss; resendMs *= 2) busyMs += resendMs
    }
    return { busyMs, latencyMs }
  }
}

/** undefined: the link is cut. */
type Delay = (direction: Direction, bytes: number) => { busyMs: number; latencyMs: number } | undefined

class Connection {
  readonly #near: Socket
  readonly #far: Socket
  readonly #pipes: readonly Pipe[]

  constructor(near: Socket, far: Socket, delay: Delay) {
    this.#near = near
    this.#far = far
    this.#pipes = [
      new Pipe(near, far, (bytes) => delay('up', bytes)),
      new Pipe(far, near, (bytes) => delay('down', bytes)),
    ]
    for (const socket of [near, far]) {
      socket.setNoDelay(true)
      socket.on('error', () => this.reset())
    }
    near.on('close', () => this.#endWhenBothEnded())
    far.on('close', () => this.#endWhenBothEnded())
  }

  deliver(): void {
    for (const pipe of this.#pipes) pipe.deliver()
  }

  reset(): void {
    for (const pipe of this.#pipes) pipe.stop()
    this.#near.resetAndDestroy()
    this.#far.resetAndDestroy()
  }

  #endWhenBothEnded(): void {
    if (!this.#near.destroyed || !this.#far.destroyed) return
    for (const pipe of this.#pipes) pipe.stop()
  }
}

interface Piece {
  /** `null` is the end. */
  readonly bytes: Buffer | null
  readonly dueAt: number
}

/** One direction of a connection: pieces in their order, each delivered when it is due. */
class Pipe {
  readonly #from: Socket
  readonly #to: Socket
  readonly #delay: (bytes: number) => ReturnType<Delay>
  readonly #held: (Buffer | null)[] = []
  readonly #underWay: Piece[] = []
  #waitingBytes = 0
  /** The link is taken until then. */
  #busyUntil = 0
  #timer: NodeJS.Timeout | undefined

  constructor(from: Socket, to: Socket, delay: (bytes: number) => ReturnType<Delay>) {
    this.#from = from
    this.#to = to
    this.#delay = delay
    from.on('data', (bytes) => this.#take(bytes))
    from.on('end', () => this.#take(null))
  }

  /** Sends off what is held, unless the link is cut. */
  deliver(): void {
    while (this.#held.length > 0) {
      const bytes = this.#held[0]
      const delay = this.#delay(bytes?.length ?? 0)
      if (delay === undefined) return
      this.#held.shift()
      this.#busyUntil = Math.max(performance.now(), this.#busyUntil) + delay.busyMs
      this.#underWay.push({ bytes, dueAt: this.#busyUntil + delay.latencyMs })
    }
    this.#arrive()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#held.length = 0
    this.#underWay.length = 0
  }

  #take(bytes: Buffer | null): void {
    this.#held.push(bytes)
    this.#waitingBytes += bytes?.length ?? 0
    if (this.#waitingBytes > MAX_WAITING_BYTES) this.#from.pause()
    this.deliver()
  }

  /** Hands over what is due. One timer, for the first piece: several may fire in another order. */
  #arrive(): void {
    clearTimeout(this.#timer)
    for (;;) {
      const first = this.#underWay[0]
      if (first === undefined) return
      const leftMs = first.dueAt - performance.now()
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.#arrive(), leftMs)
        return
      }
      this.#underWay.shift()
      this.#handOver(first.bytes)
    }
  }

  #handOver(bytes: Buffer | null): void {
    if (bytes === null) {
      this.#to.end()
      return
    }
    this.#waitingBytes -= bytes.length
    if (this.#waitingBytes <= MAX_WAITING_BYTES) this.#from.resume()
    if (this.#to.writable) this.#to.write(bytes)
  }
}
