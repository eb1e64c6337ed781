import type { Place, Protocol, Row } from '../row.js'

/** Faults that show at once. */
const QUICK_MS = 3_000
/** Faults that show by silence: longer than a stall takes to be found. */
export const HANG_MS = 9_000
/** No connection comes about, and nothing says so: longer than undici's time-out for connecting, 10 s. */
export const BLACK_HOLE_MS = 13_000
/** Longer than a request may wait before it counts as hung, so that an end of the fault saves nobody. */
export const STOPPED_MS = 20_000

export interface RowSpec extends Omit<Row, 'faulty'> {
  /** There is a second row, with two of the three endpoints faulty. */
  readonly two?: boolean
}

type Common = Pick<Row, 'readsAll' | 'named' | 'closing' | 'unprocessed'>
/** What each row says for itself, and what it may say otherwise than the others. */
type Own = Pick<RowSpec, 'name' | 'what' | 'fault'> & Partial<Omit<RowSpec, 'protocol' | 'place'>>

/** Rows that have most things in common. */
export const specs = (protocol: Protocol, place: Place, common: Common, list: readonly Own[]): RowSpec[] =>
  list.map((own) => ({ protocol, place, faultMs: QUICK_MS, ...common, ...own }))

export const rowsOf = ({ two = false, ...row }: RowSpec): Row[] =>
  two
    ? [
        { ...row, faulty: 1 },
        { ...row, faulty: 2 },
      ]
    : [{ ...row, faulty: 1 }]
