import type { Endpoint } from '../model/index.js'
import { Faults, join } from '../options/faults.js'
import { isRecord } from '../options/kinds.js'
import { copyItem } from '../options/plain.js'
import { sameData } from '../options/same.js'
import { resolveEndpoint } from './endpoint.js'

/** One endpoint of the list that was checked last. */
interface Checked {
  /** A copy of what was given. */
  readonly given: unknown
  readonly endpoint: Endpoint
  /** Position in that list. */
  at: number
  /** The last round in which a list had it, and its position there. */
  round: number
  nextAt: number
}

/** A list being checked. */
interface Round {
  readonly list: readonly unknown[]
  readonly faults: Faults
  readonly checked: (Checked | undefined)[]
  /** What the list before did not have. */
  readonly fresh: Checked[]
  /** Where in the list before the next endpoint is looked for first. */
  next: number
}

/** Endpoints that are checked in one step. */
const STEP = 50

/**
 * Checks one list of endpoints after the other, of which most are as in the list before: those are compared with what was
 * given then, which takes a tenth of the time, and stay the same objects.
 */
export class ListCheck {
  readonly #path: string
  #known: readonly Checked[] = []
  readonly #byId = new Map<string, Checked>()
  /** By their URL, and as it was written, where that is something else. */
  readonly #byUrl = new Map<string, Checked>()
  #round = 0

  /** `path`: what messages call the list. */
  constructor(path: string) {
    this.#path = path
  }

  /**
   * Step by step, so that ten thousand hold nobody up. One list at a time; one that is given up half-way changes nothing.
   * @param inForce what is in force of an earlier list: where this thread has checked none it keeps those objects that say the same
   * @throws ConfigError which lists every fault
   */
  *check(list: readonly unknown[], inForce: readonly Endpoint[]): Generator<undefined, readonly Endpoint[]> {
    this.#round++
    const checked = new Array<Checked | undefined>(list.length)
    const round: Round = { list, faults: new Faults(), checked, fresh: [], next: 0 }
    const objects = this.#known.length > 0 ? undefined : new Map(inForce.map((one) => [one.id, one]))
    for (let at = 0; at < list.length; at++) {
      if (at % STEP === STEP - 1) yield undefined
      const known = this.#find(round, at)
      if (known === undefined) this.#parse(round, at, objects)
      else if (known.round === this.#round) this.#addTwin(round, at, known.nextAt, known)
      else {
        known.round = this.#round
        known.nextAt = at
        checked[at] = known
      }
    }
    yield undefined
    this.#refuseTwins(round)
    round.faults.throwIfAny()
    this.#remember(round)
    return Object.freeze(this.#known.map(({ endpoint }) => endpoint))
  }

  /** What the endpoint at that position was in the list before, where it says the same. */
  #find(round: Round, at: number): Checked | undefined {
    const given = round.list[at]
    const next = this.#known[round.next]
    if (next !== undefined && says(given, next)) {
      round.next++
      return next
    }
    const known = this.#byUrl.get(urlOf(given))
    if (known === undefined) return undefined
    round.next = known.at + 1
    return says(given, known) ? known : undefined
  }

  #parse(round: Round, at: number, objects: ReadonlyMap<string, Endpoint> | undefined): void {
    const { list, faults, checked, fresh } = round
    const given = copyItem(list[at], this.#path, at, faults)
    const parsed = resolveEndpoint(given, join(this.#path, at), faults)
    if (parsed === undefined) return
    // Written otherwise, it may say the same as before.
    const before = objects === undefined ? this.#byUrl.get(parsed.url)?.endpoint : objects.get(parsed.id)
    const endpoint = before !== undefined && sameData(parsed, before) ? before : parsed
    const one: Checked = { given, endpoint, at: -1, round: this.#round, nextAt: at }
    checked[at] = one
    fresh.push(one)
  }

  /** None twice. What the list has of the one before differs from each other; what is fresh may be like anything. */
  #refuseTwins(round: Round): void {
    const ids = new Map<string, Checked>()
    const urls = new Map<string, Checked>()
    for (const one of round.fresh) {
      const { id, url } = one.endpoint
      for (const twin of [urls.get(url), this.#byUrl.get(url), ids.get(id), this.#byId.get(id)]) {
        if (twin === undefined || twin === one || twin.round !== this.#round) continue
        const [first, second] = twin.nextAt < one.nextAt ? [twin, one] : [one, twin]
        this.#addTwin(round, second.nextAt, first.nextAt, second, first)
        break
      }
      if (!urls.has(url)) urls.set(url, one)
      if (!ids.has(id)) ids.set(id, one)
    }
  }

  #addTwin({ faults }: Round, at: number, first: number, { endpoint }: Checked, other?: Checked): void {
    const path = join(this.#path, first)
    const isUrl = other === undefined || other.endpoint.url === endpoint.url
    faults.add(
      join(this.#path, at),
      isUrl
        ? `has the same URL as ${path}: \`${endpoint.url}\`; name each endpoint once`
        : `has the same id as ${path}: ${JSON.stringify(endpoint.id)}; ids are unique within a service`,
    )
  }

  #remember({ checked, fresh }: Round): void {
    for (const one of this.#known) {
      if (one.round === this.#round) continue
      this.#byId.delete(one.endpoint.id)
      this.#byUrl.delete(one.endpoint.url)
      this.#byUrl.delete(urlOf(one.given))
    }
    for (const one of fresh) {
      this.#byId.set(one.endpoint.id, one)
      this.#byUrl.set(one.endpoint.url, one)
      this.#byUrl.set(urlOf(one.given), one)
    }
    this.#known = checked as Checked[]
    for (const one of this.#known) one.at = one.nextAt
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
