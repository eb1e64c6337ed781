/**
 * HAProxy's agent check, over HTTP: the endpoint says in the body of its health answer how much it wants to do, as in
 * `up 75% maxconn:100`.
 */
import { SLOT } from '../../engine/layout.js'
import type { SharedState } from '../../engine/state.js'
import { ADMIN } from '../filter.js'

/** What an agent asks for; undefined is what it does not name, and stays as it is. */
export interface AgentWords {
  /** Of the configured weight; 0 is no new requests. */
  readonly weightPercent?: number
  /** Requests in flight. */
  readonly maxRequests?: number
  /** No new requests, or new ones again. */
  readonly drain?: boolean
  /** Why it counts as failing. */
  readonly down?: string
}

/** The words come first; nobody has so many. */
const MAX_CHARS = 256
const MAX_PERCENT = 25_600
const PER_CENT = 100
const STATES: Readonly<Record<string, Partial<AgentWords>>> = {
  ready: { drain: false },
  drain: { drain: true },
  // A maintained endpoint would not be asked again, and could not come back by itself.
  maint: { drain: true },
  down: { down: 'down' },
  fail: { down: 'fail' },
  failed: { down: 'failed' },
  stopped: { down: 'stopped' },
}

/** The words of the first line, set apart by spaces, tabs and commas; what is not understood says nothing. */
export function parseAgentWords(body: string): AgentWords {
  const [line, reason = ''] = splitOnce(body.slice(0, MAX_CHARS).split(/[\r\n]/, 1)[0], '#')
  let words: AgentWords = {}
  for (const word of line.toLowerCase().split(/[\s,]+/)) {
    const [, percent, most] = /^(?:(\d{1,5})%|maxconn:(\d{1,9}))$/.exec(word) ?? []
    if (percent !== undefined && Number(percent) <= MAX_PERCENT)
      words = { ...words, weightPercent: Number(percent) }
    else if (Number(most) > 0) words = { ...words, maxRequests: Number(most) }
    else if (Object.hasOwn(STATES, word)) words = { ...words, ...STATES[word] }
  }
  const { down } = words
  return down === undefined || reason.trim() === '' ? words : { ...words, down: `${down}: ${reason.trim()}` }
}

function splitOnce(text: string, mark: string): [string, string?] {
  const at = text.indexOf(mark)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

export interface AgentBounds {
  /** As configured. */
  readonly weight: number
  readonly maxWeight: number
  /** As configured; 0: no limit. */
  readonly maxRequests: number
}

/**
 * Puts an agent's words into force. An endpoint that the operator drained or maintains stays so. True where anything
 * that policies look at has changed.
 */
export function applyAgentWords(
  state: SharedState,
  slot: number,
  { weightPercent, maxRequests, drain }: AgentWords,
  bounds: AgentBounds,
): boolean {
  let changed = false
  if (weightPercent !== undefined && weightPercent > 0) {
    const weight = Math.fround(Math.min((bounds.weight * weightPercent) / PER_CENT, bounds.maxWeight))
    // The lightest weights have no per cent that a float32 can tell from 0.
    if (weight > 0 && weight !== state.getFloat(slot, SLOT.WEIGHT)) {
      state.setFloat(slot, SLOT.WEIGHT, weight)
      changed = true
    }
  }
  if (maxRequests !== undefined)
    state.setLimit(slot, Math.min(maxRequests, bounds.maxRequests || maxRequests))
  const out = drain === true || weightPercent === 0
  const back = !out && (drain === false || weightPercent !== undefined)
  if (out) changed = state.exchange(slot, SLOT.ADMIN, ADMIN.READY, ADMIN.AGENT_DRAIN) || changed
  if (back) changed = endAgentDrain(state, slot) || changed
  return changed
}

/** For an endpoint that its agent has drained: takes requests again. True where it was one. */
export const endAgentDrain = (state: SharedState, slot: number): boolean =>
  state.exchange(slot, SLOT.ADMIN, ADMIN.AGENT_DRAIN, ADMIN.READY)
