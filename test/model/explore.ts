/**
 * Every interleaving of a few threads, at sequential consistency. Where two ways lead to the same state, memory and all that
 * the threads have learnt from it, only one is followed further.
 */
import { Machine, type Program, Thread } from './machine.js'

export interface Scenario {
  /** Called once: makes what is shared, and says what it is. */
  setUp(machine: Machine): void
  /** Called at the start of every way: what each thread does. */
  programs(threads: readonly Thread[]): Program[]
  /** One of the threads that may be killed, at any moment. */
  readonly victim?: number
  /** How often a thread may be stopped that could go on; without, any number of times. */
  readonly preemptions?: number
  /** What the checks remember: part of the state. */
  remembered(): string
  /** After each way, with a thread more than there were, which nothing disturbs. Throws where something is wrong. */
  check(last: Thread, threads: readonly Thread[]): void
}

export interface Explored {
  readonly states: number
  /** Ways followed to their end. */
  readonly ways: number
  /** Steps of the longest one. */
  readonly longest: number
}

/** What was wrong, and the way there. */
export class Violation extends Error {}

/** There are more states than were asked for. Up to there nothing was wrong. */
export class TooLarge extends Error {}

const KILL = -1

export function explore(
  code: string,
  count: number,
  scenario: Scenario,
  mostStates = Number.POSITIVE_INFINITY,
): Explored {
  const machine = new Machine()
  for (let id = 1; id <= count + 1; id++) machine.threads.push(new Thread(machine, id, code))
  const last = machine.threads.pop() as Thread
  scenario.setUp(machine)
  for (;;) {
    machine.news = 0
    const explored = exploreOnce(machine, last, scenario, mostStates)
    // More words turned out to be contended: more places at which a thread may stop.
    if (explored !== undefined) return explored
  }
}

function exploreOnce(
  machine: Machine,
  last: Thread,
  scenario: Scenario,
  mostStates: number,
): Explored | undefined {
  const { threads } = machine
  const seen = new Set<string>()
  const open: number[][] = [[]]
  let ways = 0
  let longest = 0
  for (let way = open.pop(); way !== undefined; way = open.pop()) {
    machine.reset()
    report(way, () => start(machine, scenario))
    const turns = new Turns(scenario.preemptions)
    for (const choice of way) {
      turns.note(machine, choice)
      step(machine, choice)
    }
    for (;;) {
      const choices = turns.allowed(machine, choicesOf(machine))
      if (machine.news > 0) return undefined
      if (choices.length === 0 || choices[0] === KILL) {
        ways++
        longest = Math.max(longest, way.length)
        if (choices.length > 0) open.push([...way, KILL])
        report(way, () => scenario.check(last, threads))
        break
      }
      const state = `${stateOf(machine, scenario)} ${turns}`
      if (seen.has(state)) break
      seen.add(state)
      if (seen.size > mostStates) throw new TooLarge(`more than ${mostStates} states`)
      for (const choice of choices.slice(1)) open.push([...way, choice])
      way.push(choices[0])
      turns.note(machine, choices[0])
      report(way, () => step(machine, choices[0]))
    }
  }
  return { states: seen.size, ways, longest }
}

/** Whose turn it is, and how often another may still be given it before that one stops by itself. */
class Turns {
  #left: number | undefined
  #now = 0

  constructor(preemptions: number | undefined) {
    this.#left = preemptions
  }

  #canGoOn({ threads }: Machine): boolean {
    const thread = threads[this.#now - 1]
    return thread !== undefined && !thread.isDone && thread.sleepsOn < 0
  }

  allowed(machine: Machine, choices: number[]): number[] {
    if (this.#left !== 0 || !this.#canGoOn(machine)) return choices
    return choices.filter((choice) => choice === this.#now || choice === KILL)
  }

  note(machine: Machine, choice: number): void {
    if (choice === KILL) return
    if (this.#left !== undefined && choice !== this.#now && this.#canGoOn(machine)) this.#left--
    this.#now = choice
  }

  toString(): string {
    return this.#left === undefined ? '' : `${this.#now} ${this.#left}`
  }
}

/** @throws Violation */
function report(way: readonly number[], work: () => void): void {
  try {
    work()
  } catch (error) {
    throw new Violation(`${(error as Error).message}; the way there: ${way.join(' ')}`, { cause: error })
  }
}

function start(machine: Machine, scenario: Scenario): void {
  const { threads } = machine
  machine.victim = scenario.victim === undefined ? undefined : threads[scenario.victim]
  const programs = scenario.programs(threads)
  for (const [i, thread] of threads.entries()) {
    thread.program = programs[i]
    thread.isKilled = false
    thread.sleepsOn = -1
    thread.knows1 = 0
    thread.knows2 = 0
  }
  for (const thread of threads) advance(machine, thread)
}

/** Up to the next pause, or the end. */
function advance(machine: Machine, thread: Thread): void {
  machine.running = thread
  thread.learn(1)
  if (thread.program?.next().done) thread.program = undefined
  machine.running = undefined
}

function choicesOf({ threads, victim }: Machine): number[] {
  const choices: number[] = []
  for (const thread of threads) if (!thread.isDone && thread.sleepsOn < 0) choices.push(thread.id)
  if (victim !== undefined && !victim.isDone) choices.push(KILL)
  return choices
}

function step(machine: Machine, choice: number): void {
  if (choice === KILL) machine.kill(machine.victim as Thread)
  else advance(machine, machine.threads[choice - 1])
}

function stateOf(machine: Machine, scenario: Scenario): string {
  let state = `${machine.hash1} ${machine.hash2} ${scenario.remembered()}`
  for (const thread of machine.threads) {
    state += thread.isDone ? ' -' : ` ${thread.knows1} ${thread.knows2} ${thread.sleepsOn}`
  }
  return state
}
