/** A place in a line; `leave` gives it up, from wherever it is. */
export class Place<T> {
  readonly item: T
  next: Place<T> | undefined
  previous: Place<T> | undefined
  #line: WaitingLine<T> | undefined

  constructor(item: T, line: WaitingLine<T>) {
    this.item = item
    this.#line = line
  }

  /** No more in the line. A place that was left, or whose turn came, may be left again. */
  leave(): void {
    this.#line?.remove(this)
    this.#line = undefined
  }
}

/** First come, first served. All that it does takes the same short time however long it is. */
export class WaitingLine<T> {
  #first: Place<T> | undefined
  #last: Place<T> | undefined
  #length = 0
  readonly #left: () => void

  /** @param left is called whenever one is out of the line */
  constructor(left: () => void = () => {}) {
    this.#left = left
  }

  get length(): number {
    return this.#length
  }

  /** The one whose turn is next. */
  get first(): T | undefined {
    return this.#first?.item
  }

  add(item: T): Place<T> {
    const place = new Place(item, this)
    place.previous = this.#last
    if (this.#last === undefined) this.#first = place
    else this.#last.next = place
    this.#last = place
    this.#length++
    return place
  }

  /** Takes the first one out. */
  shift(): T | undefined {
    const place = this.#first
    place?.leave()
    return place?.item
  }

  /** For `Place.leave` alone. */
  remove(place: Place<T>): void {
    if (place.previous === undefined) this.#first = place.next
    else place.previous.next = place.next
    if (place.next === undefined) this.#last = place.previous
    else place.next.previous = place.previous
    place.next = undefined
    place.previous = undefined
    this.#length--
    this.#left()
  }
}
