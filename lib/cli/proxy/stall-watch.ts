/** How long something that should move has stood still, as seen by whoever looks now and then. */
export class StallWatch {
  #position = Number.NaN
  #sinceMs = 0

  /** ms for which `position` has been the same; 0 where there is none, since nothing has to move. */
  stillFor(position: number | undefined, nowMs: number): number {
    if (position !== this.#position) {
      this.#position = position ?? Number.NaN
      this.#sinceMs = nowMs
    }
    return nowMs - this.#sinceMs
  }
}

/** How far a socket's other side has got with what was sent to it; undefined where it has everything. */
export const sendPosition = (socket: {
  readonly bytesWritten: number
  readonly writableLength: number
}): number | undefined =>
  socket.writableLength === 0 ? undefined : socket.bytesWritten - socket.writableLength
