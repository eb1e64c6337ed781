/** How the fault of a row is switched on and off, by where it is made. */
import { faultyEndpoints, type Place, type Row } from '../row.js'
import type { Child } from './child.js'
import type { Fleet } from './fleet.js'

interface Switch {
  on(): Promise<unknown>
  off(): Promise<unknown>
}

const all = (fleet: Fleet, does: (child: Child) => unknown): Promise<unknown> =>
  Promise.all(fleet.faulty.map(does))

/** Faults that are made of signals. */
const PROCESS_FAULTS: Readonly<Record<string, (fleet: Fleet) => Switch>> = {
  kill: (fleet) => ({ on: () => fleet.kill(), off: () => fleet.restart() }),
  stop: (fleet) => ({
    on: () => all(fleet, (child) => child.signal('SIGSTOP')),
    off: () => all(fleet, (child) => child.signal('SIGCONT')),
  }),
}

const SWITCHES: Readonly<Record<Place, (row: Row, fleet: Fleet, client: Child) => Switch>> = {
  endpoint: (_row, fleet) => ({
    on: () => all(fleet, (child) => child.ask('switchOn')),
    off: () => all(fleet, (child) => child.ask('switchOff')),
  }),
  process: ({ fault }, fleet) => PROCESS_FAULTS[fault](fleet),
  client: (row, _fleet, client) => ({
    on: () => client.ask('switchOn', { fault: row.fault, faulty: faultyEndpoints(row) }),
    off: () => client.ask('switchOff'),
  }),
}

export const switchOf = (row: Row, fleet: Fleet, client: Child): Switch =>
  SWITCHES[row.place](row, fleet, client)
