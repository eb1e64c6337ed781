/** Lists of endpoints that change by a few at a time; each endpoint says of which list it is. */

export interface Listed {
  readonly url: string
  readonly zone: string
  readonly metadata: { readonly version: number; readonly node: string }
}

const ZONES = ['a', 'b', 'c']

export class ChangingList {
  #list: readonly Listed[]
  #version = 0
  #serial: number

  constructor(size: number) {
    this.#list = Array.from({ length: size }, (_, i) => this.#endpoint(i))
    this.#serial = size
  }

  get list(): readonly Listed[] {
    return this.#list
  }

  /** The next list: of `count` endpoints one in three is another one, the others say something else. */
  next(count: number): readonly Listed[] {
    this.#version++
    const list = this.#list.slice()
    for (let i = 0; i < count; i++) {
      const at = Math.floor(Math.random() * list.length)
      const isOther = i % 3 === 0
      const before = list[at]
      list[at] = isOther
        ? this.#endpoint(this.#serial++)
        : { ...before, metadata: { ...before.metadata, version: this.#version } }
    }
    this.#list = list
    return list
  }

  #endpoint(i: number): Listed {
    const [high, middle, low] = [(i >> 16) & 255, (i >> 8) & 255, i & 255]
    return {
      url: `http://10.${high}.${middle}.${low}:8080`,
      zone: ZONES[i % ZONES.length],
      metadata: { version: this.#version, node: `node-${i}` },
    }
  }
}
