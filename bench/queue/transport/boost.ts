/** `boost::lockfree::queue`, a node an item; an addon call a batch, so that the call costs it as little as can be. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Create, Open } from './transport.js'

interface Addon {
  /** Functions that push from, and pop to, a part of an array that the caller keeps; each returns how many. */
  open(tickets: Uint32Array): {
    push(from: number, to: number): number
    pop(from: number, to: number): number
  }
}

/** Built by `npm run bench`, where there is a compiler. */
const PATH = fileURLToPath(
  new URL('../../../build-bench-native/Release/fairlead_bench.node', import.meta.url),
)

export const isBuilt = (): boolean => existsSync(PATH)

const load = (): Addon => createRequire(import.meta.url)(PATH)

/** One a process, in the addon. */
export const create: Create = () => undefined

export const open: Open = (_shared, batch, room) => {
  const addon = load()
  const outgoing = new Uint32Array(batch)
  const incoming = new Uint32Array(room)
  const { push } = addon.open(outgoing)
  const { pop } = addon.open(incoming)
  return {
    outgoing,
    incoming,
    push: (from) => push(from, batch),
    pop: () => pop(0, room),
  }
}
