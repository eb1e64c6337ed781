/**
 * Is there one order of what concurrent calls did, in which each did it within its call and all of it is allowed? After
 * Wing and Gong, "Testing and verifying concurrent objects" (1993), with memory of the states that were looked at, after
 * Lowe, "Testing for linearizability" (2017).
 *
 * A call may do several things, one after the other (`pushMany` accepts item by item), so a call is a list of steps. A
 * *change* happens at one moment of its call. *Facts* only have to be true, each at some moment after the step before.
 */
export type Step<Change, Fact> =
  | { readonly change: Change; readonly facts?: undefined }
  | { readonly facts: readonly Fact[]; readonly change?: undefined }

/** One call. `invoked` and `responded` are readings of one clock that all threads share, no two of them alike. */
export interface Call<Change, Fact> {
  readonly thread: number
  readonly invoked: number
  readonly responded: number
  readonly steps: readonly Step<Change, Fact>[]
  /** The call as a test's failure shows it. */
  readonly label: string
}

/** What the calls are about. Its state must follow from which changes were made, whatever their order over the threads. */
export interface Model<Change, Fact> {
  /** Makes the change where it is allowed now; false, and nothing done, where it is not. */
  make(change: Change): boolean
  /** Takes the last change back. */
  unmake(change: Change): void
  isTrue(fact: Fact): boolean
}

/** Where a thread has come to: its call, the step of that, and the facts of the step that were true already, as bits. */
interface Place {
  call: number
  step: number
  seen: number
}

interface Choice<Change> {
  readonly change: Change
  /** As it was before the change. */
  readonly places: Place[]
  /** The next thread to try in its place. */
  next: number
}

const MOST_STATES = 3_000_000

/**
 * Undefined where there is such an order; else what each thread was about to do where the search came furthest. The calls
 * of a thread come in their order. Throws where it does not come to an end within three million states.
 */
export function findFault<Change, Fact>(
  calls: readonly Call<Change, Fact>[],
  model: Model<Change, Fact>,
): string | undefined {
  const threads = byThread(calls)
  const visited = new Set<string>()
  const stack: Choice<Change>[] = []
  let places: Place[] = threads.map(() => ({ call: 0, step: 0, seen: 0 }))
  let furthest = -1
  let fault = ''

  const current = (thread: number): Call<Change, Fact> | undefined => threads[thread][places[thread].call]
  /** Its call may have begun: none that had ended before is left. */
  const mayGoOn = (thread: number): boolean => {
    const { invoked } = current(thread) as Call<Change, Fact>
    return threads.every((_, other) => (current(other)?.responded ?? Number.POSITIVE_INFINITY) > invoked)
  }
  /** Goes past facts that are true, and ends of calls: that never takes a possibility away. */
  const settle = (): void => {
    for (let isMoving = true; isMoving; ) {
      isMoving = false
      for (let thread = 0; thread < threads.length; thread++) {
        const call = current(thread)
        if (call === undefined || !mayGoOn(thread)) continue
        const place = places[thread]
        const facts = call.steps[place.step]?.facts
        facts?.forEach((fact, i) => {
          if (model.isTrue(fact)) place.seen |= 1 << i
        })
        if (place.step < call.steps.length) {
          if (facts === undefined || place.seen !== 2 ** facts.length - 1) continue
          place.step++
          place.seen = 0
        }
        if (place.step === call.steps.length) {
          place.call++
          place.step = 0
        }
        isMoving = true
      }
    }
  }
  /** True where the state is new. */
  const arrive = (): boolean => {
    settle()
    const key = places.map(({ call, step, seen }) => `${call}.${step}.${seen}`).join()
    if (visited.has(key)) return false
    if (visited.size >= MOST_STATES) throw new Error(`the search is not over after ${MOST_STATES} states`)
    visited.add(key)
    const done = places.reduce((sum, { call, step }) => sum + call * 1000 + step, 0)
    if (done > furthest) {
      furthest = done
      fault = threads.map((_, thread) => `${thread}: ${current(thread)?.label ?? 'has ended'}`).join('; ')
    }
    return true
  }

  arrive()
  for (let next = 0; ; ) {
    if (threads.every((_, thread) => current(thread) === undefined)) return undefined
    let isDeeper = false
    for (; next < threads.length && !isDeeper; next++) {
      const call = current(next)
      const change = call?.steps[places[next].step]?.change
      if (change === undefined || !mayGoOn(next) || !model.make(change)) continue
      const before = places.map((place) => ({ ...place }))
      places[next].step++
      if (arrive()) {
        stack.push({ change, places: before, next: next + 1 })
        isDeeper = true
      } else {
        model.unmake(change)
        places = before
      }
    }
    if (isDeeper) {
      next = 0
      continue
    }
    const choice = stack.pop()
    if (choice === undefined) return fault
    model.unmake(choice.change)
    places = choice.places
    next = choice.next
  }
}

function byThread<Change, Fact>(calls: readonly Call<Change, Fact>[]): Call<Change, Fact>[][] {
  const threads: Call<Change, Fact>[][] = []
  for (const call of calls) {
    while (threads.length <= call.thread) threads.push([])
    const mine = threads[call.thread]
    const before = mine.at(-1)?.responded ?? Number.NEGATIVE_INFINITY
    if (!(before < call.invoked && call.invoked < call.responded)) {
      throw new Error(`the clock did not run on at ${call.label}`)
    }
    mine.push(call)
  }
  return threads
}

/** How many pairs of calls of different threads overlap: a history without any proves nothing about concurrency. */
export function overlaps(calls: readonly Call<unknown, unknown>[]): number {
  const sorted = calls.toSorted((a, b) => a.invoked - b.invoked)
  let pairs = 0
  for (let i = 0; i < sorted.length; i++) {
    for (let j = i + 1; j < sorted.length && sorted[j].invoked < sorted[i].responded; j++) {
      if (sorted[j].thread !== sorted[i].thread) pairs++
    }
  }
  return pairs
}
