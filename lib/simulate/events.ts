const INITIAL_CAPACITY = 1 << 10

/**
 * What is going to happen, by time; of two events at one time the one that was pushed first comes first. A binary heap in
 * typed arrays: a simulation has tens of millions of events.
 */
export class EventQueue {
  #size = 0
  #pushed = 0
  #times = new Float64Array(INITIAL_CAPACITY)
  #order = new Float64Array(INITIAL_CAPACITY)
  #kinds = new Int32Array(INITIAL_CAPACITY)
  #subjects = new Int32Array(INITIAL_CAPACITY)

  get size(): number {
    return this.#size
  }

  /** Of the next event, ms; meaningless where there is none. */
  get time(): number {
    return this.#times[0]
  }

  get kind(): number {
    return this.#kinds[0]
  }

  get subject(): number {
    return this.#subjects[0]
  }

  push(time: number, kind: number, subject: number): void {
    if (this.#size === this.#times.length) this.#grow()
    const order = this.#pushed++
    let at = this.#size++
    // A newcomer is later than whatever has its time: it passes only what is strictly after it.
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (this.#times[parent] <= time) break
      this.#move(parent, at)
      at = parent
    }
    this.#put(at, time, order, kind, subject)
  }

  /** Takes the next event off. */
  pop(): void {
    this.#size--
    this.#sink(this.#size, 0)
  }

  /** Takes off all events that `keep` is false of; the others stay in their order. */
  retain(keep: (kind: number, subject: number) => boolean): void {
    let kept = 0
    for (let at = 0; at < this.#size; at++) {
      if (!keep(this.#kinds[at], this.#subjects[at])) continue
      this.#move(at, kept)
      kept++
    }
    this.#size = kept
    for (let at = (kept >> 1) - 1; at >= 0; at--) this.#sink(at, at)
  }

  /** Puts the event that is at `from` where it belongs, at `to` or below. */
  #sink(from: number, to: number): void {
    const time = this.#times[from]
    const order = this.#order[from]
    const kind = this.#kinds[from]
    const subject = this.#subjects[from]
    let at = to
    for (;;) {
      let child = 2 * at + 1
      if (child >= this.#size) break
      if (child + 1 < this.#size && this.#isBefore(child + 1, this.#times[child], this.#order[child])) child++
      if (!this.#isBefore(child, time, order)) break
      this.#move(child, at)
      at = child
    }
    this.#put(at, time, order, kind, subject)
  }

  #isBefore(at: number, time: number, order: number): boolean {
    return this.#times[at] < time || (this.#times[at] === time && this.#order[at] < order)
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#times[from], this.#order[from], this.#kinds[from], this.#subjects[from])
  }

  #put(at: number, time: number, order: number, kind: number, subject: number): void {
    this.#times[at] = time
    this.#order[at] = order
    this.#kinds[at] = kind
    this.#subjects[at] = subject
  }

  #grow(): void {
    const length = 2 * this.#times.length
    this.#times = grown(this.#times, new Float64Array(length))
    this.#order = grown(this.#order, new Float64Array(length))
    this.#kinds = grown(this.#kinds, new Int32Array(length))
    this.#subjects = grown(this.#subjects, new Int32Array(length))
  }
}

function grown<T extends Float64Array | Int32Array>(from: T, to: T): T {
  to.set(from)
  return to
}
