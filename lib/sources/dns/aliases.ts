/** What a name leads to among the records of one answer, by way of its aliases (CNAME). */
import type { RecordType } from './message.js'
import type { AddressRecord, ServiceRecord, WireRecord } from './wire.js'

/** As many as BIND follows. */
export const MAX_ALIASES = 16

export type Wanted = AddressRecord | ServiceRecord
export type ByName = ReadonlyMap<string, readonly WireRecord[]>

export interface Chain {
  /** Where it ends: the name itself without aliases, or one that is not in the answer. */
  readonly end: string
  readonly aliases: number
  /** Those of the type at the end; none where the chain leads out of the answer. */
  readonly records: readonly Wanted[]
  /** The least of all that were used, aliases too; Infinity where there is none. */
  readonly ttlMs: number
}

export function indexByName(records: readonly WireRecord[]): ByName {
  const byName = new Map<string, WireRecord[]>()
  for (const record of records) {
    const present = byName.get(record.name)
    if (present === undefined) byName.set(record.name, [record])
    else present.push(record)
  }
  return byName
}

/** Undefined where the aliases go in a circle, or on for more than `MAX_ALIASES`. */
export function followAliases(byName: ByName, name: string, type: RecordType): Chain | undefined {
  let end = name.toLowerCase()
  let ttlMs = Number.POSITIVE_INFINITY
  for (let aliases = 0; aliases <= MAX_ALIASES; aliases++) {
    const here = byName.get(end) ?? []
    const records = here.filter((record): record is Wanted => record.type === type)
    for (const record of records) ttlMs = Math.min(ttlMs, record.ttlMs)
    const alias = records.length > 0 ? undefined : here.find((record) => record.type === 'CNAME')
    if (alias?.type !== 'CNAME') return { end, aliases, records, ttlMs }
    ttlMs = Math.min(ttlMs, alias.ttlMs)
    end = alias.target
  }
  return undefined
}
