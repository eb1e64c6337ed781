import { SLOT } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import type { PickOptions } from '../model/index.js'
import type { Policy, PolicyPicker, PolicyView } from '../policy/policy.js'
import type { Member } from '../topology/member.js'
import { mixtureOf } from './mixture.js'
import type { ResolvedView } from './options.js'
import { divide, type Part } from './pipeline.js'
import { slotLookup } from './slot-lookup.js'
import { type Subset, Subsets } from './subsets.js'

/** What a request chooses from: replaced whole, never edited. */
export interface View {
  readonly picker: PolicyPicker
  /** Of all parts. */
  readonly usable: readonly Member[]
  /**
   * Healthy ones that no part has, because others are preferred: of further priority levels, other zones, outside the aperture;
   * the most preferred first. For a further try that has nowhere else to go.
   */
  readonly spare: readonly Member[]
  readonly awaitingProbe: readonly Member[]
  readonly panic: boolean
}

/** What of a request narrows down the endpoints that it may choose from. */
export interface ViewOptions extends PickOptions {
  /** Only endpoints whose URL is `https:`. */
  readonly tlsOnly?: boolean
}

/** No request that names this subset can be answered. */
const EMPTY: View = { picker: () => -1, usable: [], spare: [], awaitingProbe: [], panic: false }

/** What a view asks of the service's policy. */
export interface ViewPolicy {
  readonly honoursWeights: boolean
  readonly keyOf: Policy['keyOf']
  /** The service is about to be divided anew. */
  nextRound(): void
  /** @param part which part of the service the view is of */
  picker(part: string, view: PolicyView): PolicyPicker
}

/** Everything that the views of one moment are made of. */
export interface Basis {
  readonly state: SharedState
  /** Index of the service's record. */
  readonly service: number
  readonly members: readonly Member[]
  readonly options: ResolvedView
  readonly policy: ViewPolicy
}

/** A service as it is until something changes: one view, or one for each subset, each made when it is first asked for. */
export class ServiceView {
  readonly #basis: Basis
  readonly #onWarming: () => void
  #whole: View | undefined
  readonly #subsets: Subsets<Member> | undefined
  readonly #bySubset = new Map<string, View>()
  /** Sets this view's parts apart from those of the view of all endpoints. */
  readonly #prefix: string
  #tls: ServiceView | undefined

  /** `onWarming`: some endpoint is in its slow start, so the view has to be made again soon. */
  constructor(basis: Basis, onWarming: () => void, prefix = '') {
    const { members, options, policy } = basis
    this.#basis = basis
    this.#onWarming = onWarming
    this.#prefix = prefix
    this.#subsets = options.subsets && new Subsets(members, options.subsets)
    if (prefix === '') policy.nextRound()
  }

  /** All endpoints, whatever subset a request names. */
  get whole(): View {
    this.#whole ??= this.#make({ key: '', members: this.#basis.members })
    return this.#whole
  }

  /** What one request chooses from. Throws `ArgumentError` on a subset that is no plain record of values. */
  of({ subset: criteria, tlsOnly }: ViewOptions): View {
    if (tlsOnly === true) return this.#overTls.of({ subset: criteria })
    if (this.#subsets === undefined) return this.whole
    const subset = this.#subsets.of(criteria)
    if (subset === undefined) return EMPTY
    if (subset.key === '') return this.whole
    let view = this.#bySubset.get(subset.key)
    if (view === undefined) this.#bySubset.set(subset.key, (view = this.#make(subset)))
    return view
  }

  /** The same service without its `http:` endpoints: itself, where it has none. */
  get #overTls(): ServiceView {
    if (this.#tls === undefined) {
      const members = this.#basis.members.filter(({ endpoint }) => endpoint.url.startsWith('https:'))
      const isWhole = members.length === this.#basis.members.length
      this.#tls = isWhole ? this : new ServiceView({ ...this.#basis, members }, this.#onWarming, 'tls ')
    }
    return this.#tls
  }

  /** Whether the request's subset, and what it falls back on, are empty whatever the endpoints' state. */
  hasNone(criteria: PickOptions['subset']): boolean {
    return this.#subsets !== undefined && this.#subsets.of(criteria) === undefined
  }

  #make({ key, members }: Subset<Member>): View {
    const { state, options, policy } = this.#basis
    const due = policy.honoursWeights ? ({ slot }: Member) => state.getFloat(slot, SLOT.WEIGHT) : () => 1
    const { parts, awaitingProbe, healthy, panic, warming } = divide(state, members, options, due)
    if (warming) this.#onWarming()
    let union: readonly Member[] | undefined
    let spare: readonly Member[] | undefined
    const shares = parts.map((part) => ({ share: part.share, picker: this.#pickerOf(key, part) }))
    return {
      picker: mixtureOf(state, shares, policy.keyOf),
      get usable() {
        // A set of ten thousand takes most of a millisecond, and only further tries and refusals ask for it.
        union ??= parts.length === 1 ? parts[0].usable : [...new Set(parts.flatMap(({ usable }) => usable))]
        return union
      },
      get spare() {
        if (spare === undefined) {
          const usable = new Set(this.usable)
          spare = healthy().filter((member) => !usable.has(member))
        }
        return spare
      },
      awaitingProbe,
      panic,
    }
  }

  #pickerOf(subset: string, { key, layer, usable, all, hashed }: Part<Member>): PolicyPicker {
    const { state, service, options, policy } = this.#basis
    const slots = new Uint32Array(usable.length)
    for (let i = 0; i < slots.length; i++) slots[i] = usable[i].slot
    // Layers share the tables of policies that choose by keys; others have a life of their own in each.
    const place = `${this.#prefix}${subset} ${key}`
    const part = policy.keyOf === undefined ? `${place} ${layer}` : place
    return policy.picker(part, {
      state,
      service,
      usable,
      slots,
      all,
      hashed,
      isUsable: slotLookup(slots),
      region: options.region === '' ? undefined : options.region,
    })
  }
}
