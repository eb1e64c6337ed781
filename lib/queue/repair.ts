/**
 * What ended threads leave half done in the fallback engine, where a thread may be stopped between any two operations:
 * credits that were taken from one word and put into no other, and blocks that were taken and entered in no directory. Blocks
 * that producers have passed over because they were held are found in the same way, once they are let go.
 *
 * Both are found by what is missing in the sums, at a moment at which no lane's INTENT is odd: then no living thread has
 * anything in hand. One thread repairs at a time, since two that had found the same loss would make it good twice; if it
 * ends, the next takes the right to repair over and looks anew. Each loss is made good by a single operation, so a repair
 * that ends half way has either happened or left everything as it was.
 */
import { heldBlocks } from './holders.js'
import { LANE, laneWord, QUEUE_HEADER } from './layout.js'
import type { QueueMemory } from './memory.js'
import { give, take, takeOver } from './ownership.js'

const COUNT = 0xffff
/** How often a repair looks again when threads were in the middle of something. */
const LOOKS = 100

/** Gives lost credits back to the stock. False where another thread repairs, or no quiet moment was found: try later. */
export function repairCredit(memory: QueueMemory): boolean {
  const { words } = memory
  return repair(memory, (lanes) => {
    const reserved = Atomics.load(words, QUEUE_HEADER.RESERVED) // (Q7) before the look at the lanes
    const lost = (reserved - creditsAccounted(memory, lanes)) | 0
    return () => {
      // Not an exchange: what others reserve or give back meanwhile has nothing to do with what is lost.
      // (Q7) What ended threads had in hand, once.
      if (lost !== 0) Atomics.sub(words, QUEUE_HEADER.RESERVED, lost)
    }
  })
}

/** Makes a lost block, if there is one, the spare one. False as `repairCredit`. */
export function repairBlock(memory: QueueMemory): boolean {
  const { words } = memory
  if (Atomics.load(words, QUEUE_HEADER.SPARE_BLOCK) !== 0) return true
  return repair(memory, (lanes) => {
    const lost = unaccountedBlock(memory, lanes)
    return () => {
      // Nobody else sets it, and a lost block stays lost until somebody does.
      if (Atomics.load(words, QUEUE_HEADER.SPARE_BLOCK) === 0)
        Atomics.store(words, QUEUE_HEADER.SPARE_BLOCK, lost + 1) // (Q16) given out once
    }
  })
}

/** `look` reads what must not change; what it returns is done if nothing has. */
function repair(memory: QueueMemory, look: (lanes: number) => () => void): boolean {
  const { words } = memory
  const right = QUEUE_HEADER.REPAIRER
  const lineage = QUEUE_HEADER.REPAIRER_LINEAGE
  if (!take(words, right, lineage) && !takeOver(words, right, lineage)) return false
  let done = false
  for (let looks = 0; looks < LOOKS && !done; looks++) {
    const lanes = memory.lanesUsed() // (Q12) every lane that has accepted anything
    const before = stillness(words, lanes)
    if (before === undefined) continue
    const make = look(lanes)
    done = stillness(words, lanes) === before && memory.lanesUsed() === lanes
    if (done) make()
  }
  give(words, right)
  return done
}

/** The sum of the INTENTs, which only grow: the same sum, the same INTENTs. Undefined while one is odd. */
function stillness(words: Int32Array, lanes: number): number | undefined {
  let sum = 0
  for (let lane = 0; lane < lanes; lane++) {
    // (Q13) Even and unchanged: nobody has anything in hand.
    const intent = Atomics.load(words, laneWord(lane) + LANE.INTENT)
    if ((intent & 1) === 1) return undefined
    sum = (sum + intent) | 0
  }
  return sum
}

/** What RESERVED should be: items ever accepted, and credits that lanes hold. */
function creditsAccounted({ words }: QueueMemory, lanes: number): number {
  const start = words[QUEUE_HEADER.START]
  let sum = 0
  for (let lane = 0; lane < lanes; lane++) {
    const at = laneWord(lane)
    // An owner that accepts items meanwhile turns one into the other, within this word.
    const credit = Atomics.load(words, at + LANE.CREDIT) // (Q6) credits and position of one moment
    const tail = Atomics.load(words, at + LANE.TAIL) // (Q2) what is published
    // CREDIT has 16 bits of the accepted position; TAIL, which may have moved on a little since, has the others.
    const accepted = tail + ((((credit >>> 16) - tail) << 16) >> 16)
    sum = (sum + (credit & COUNT) + accepted - start) | 0
  }
  return sum
}

/** A block that was used once, and that no lane's directory has now and nobody holds; -1 where there is none. */
function unaccountedBlock(memory: QueueMemory, lanes: number): number {
  const { words, blockMask } = memory
  const isAccounted = new Uint8Array(memory.blocksUsed())
  for (let lane = 0; lane < lanes; lane++) {
    const at = laneWord(lane)
    const end = Atomics.load(words, at + LANE.BLOCK_END)
    let position = Atomics.load(words, at + LANE.RECLAIMED) // (Q9) blocks before it are in no lane
    for (let i = 0; i < memory.blocksOfLane && ((end - position) | 0) > 0; i++) {
      isAccounted[memory.blockAt(lane, position)] = 1
      position = (position + blockMask + 1) | 0
    }
  }
  // A hold was there before its block left the lane, so none is missed that matters.
  for (const block of heldBlocks(memory)) isAccounted[block] = 1
  return isAccounted.indexOf(0)
}
