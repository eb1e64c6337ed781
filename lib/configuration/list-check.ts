import type { Endpoint } from '../model/index.js'
import { isRecord } from '../options/kinds.js'
import { sameData } from '../options/same.js'
import { parseEndpointList } from './parse.js'

/** One endpoint of the list that was checked last. */
interface Checked {
  /** A copy of what was given. */
  readonly given: unknown
  readonly endpoint: Endpoint
  /** Position in that list; -1 before it is known. */
  at: number
  /** The last round in which a list had it. */
  round: number
}

const NOT_KNOWN = -1
/** Where more of a list is new it is checked as if nothing was known. */
const MOST_NEW = 0.5

/**
 * Checks one list of endpoints after the other, of which most are as in the list before: those are compared with what was
 * given then, which takes a tenth of the time, and stay the same objects.
 */
export class ListCheck {
  readonly #path: string
  #known: Checked[] = []
  readonly #byId = new Map<string, Checked>()
  /** By their URL, and as it was written, where that is something else. */
  readonly #byUrl = new Map<string, Checked>()
  #round = 0

  /** `path`: what messages call the list. */
  constructor(path: string) {
    this.#path = path
  }

  /**
   * @param inForce what is in force of an earlier list: where this thread has checked none it keeps those objects that say the same
   * @throws ConfigError, as `parseEndpoints`
   */
  check(list: readonly unknown[], inForce: readonly Endpoint[]): readonly Endpoint[] {
    const isFirst = this.#known.length === 0
    const known = isFirst ? undefined : this.#compare(list)
    const checked = known ?? this.#checkWhole(list, isFirst ? inForce : [])
    this.#remember(checked)
    return Object.freeze(checked.map(({ endpoint }) => endpoint))
  }

  /** Undefined where too much is new, or something is wrong, which a check of the whole says best. */
  #compare(list: readonly unknown[]): Checked[] | undefined {
    const round = ++this.#round
    const checked = new Array<Checked>(list.length)
    const fresh: number[] = []
    const most = list.length * MOST_NEW
    let next = 0
    for (let i = 0; i < list.length; i++) {
      let one: Checked | undefined = this.#known[next]
      if (one === undefined || !says(list[i], one)) {
        one = this.#byUrl.get(urlOf(list[i]))
        if (one !== undefined) next = one.at
      }
      if (one !== undefined && says(list[i], one)) {
        if (one.round === round) return undefined
        one.round = round
        checked[i] = one
        next = one.at + 1
      } else {
        if (one !== undefined) next++
        if (fresh.push(i) > most) return undefined
      }
    }
    return this.#checkFresh(list, fresh, checked) ? checked : undefined
  }

  #checkFresh(list: readonly unknown[], fresh: readonly number[], checked: Checked[]): boolean {
    const given = fresh.map((i) => list[i])
    let parsed: ReturnType<typeof parseEndpointList>
    try {
      parsed = parseEndpointList(given, this.#path)
    } catch {
      return false
    }
    for (let i = 0; i < fresh.length; i++) {
      const endpoint = parsed.endpoints[i]
      const isTwice =
        this.#byId.get(endpoint.id)?.round === this.#round ||
        this.#byUrl.get(endpoint.url)?.round === this.#round
      if (isTwice) return false
      checked[fresh[i]] = { given: parsed.copies[i], endpoint, at: NOT_KNOWN, round: this.#round }
    }
    return true
  }

  #checkWhole(list: readonly unknown[], inForce: readonly Endpoint[]): Checked[] {
    const { endpoints, copies } = parseEndpointList(list, this.#path)
    const before = new Map(inForce.map((endpoint) => [endpoint.id, endpoint]))
    const round = ++this.#round
    return endpoints.map((endpoint, i) => {
      const same = before.get(endpoint.id)
      const isSame = same !== undefined && sameData(endpoint, same)
      return { given: copies[i], endpoint: isSame ? same : endpoint, at: NOT_KNOWN, round }
    })
  }

  #remember(checked: Checked[]): void {
    for (const one of this.#known) {
      if (one.round === this.#round) continue
      this.#byId.delete(one.endpoint.id)
      this.#byUrl.delete(one.endpoint.url)
      this.#byUrl.delete(urlOf(one.given))
    }
    for (let at = 0; at < checked.length; at++) {
      const one = checked[at]
      const isKnown = one.at !== NOT_KNOWN
      one.at = at
      if (isKnown) continue
      this.#byId.set(one.endpoint.id, one)
      this.#byUrl.set(one.endpoint.url, one)
      this.#byUrl.set(urlOf(one.given), one)
    }
    this.#known = checked
  }
}

/** False too where it cannot be read: the check says so. */
function says(given: unknown, { given: known }: Checked): boolean {
  try {
    return sameData(given, known)
  } catch {
    return false
  }
}

/** '' where it has none. */
function urlOf(given: unknown): string {
  if (typeof given === 'string') return given
  try {
    const url = isRecord(given) ? given.url : undefined
    return typeof url === 'string' ? url : ''
  } catch {
    return ''
  }
}
