// Orders to a thread or a process, each answered once.

export class Asked {
  #post
  #open = new Map()
  #last = 0

  /** @param post sends a message there */
  constructor(post) {
    this.#post = post
  }

  ask(order, rest = {}) {
    const number = ++this.#last
    return new Promise((resolve) => {
      this.#open.set(number, resolve)
      this.#post({ number, order, ...rest })
    })
  }

  /** What came from there. */
  answered({ number, value }) {
    this.#open.get(number)?.(value)
    this.#open.delete(number)
  }
}
