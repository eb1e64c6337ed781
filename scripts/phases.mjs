// Phases of a long run: each announced, timed and counted, and one total at the very end.
import { say, secondsSince } from './shell.mjs'

/** @typedef {{ passed: number, failed: number, failures?: string[] }} Count what failed by name, where that is known */

/** @param {boolean} ok */
export const one = (ok) => (ok ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 })

export class Phases {
  /** @type {{ name: string, count: Count, seconds: string }[]} */
  #done = []

  /**
   * Runs a phase. One that throws counts as one failure: a run that could not happen is never a success.
   * @param {string} name
   * @param {() => Promise<Count>} body
   */
  async run(name, body) {
    say(`\n== ${name}`)
    const begun = performance.now()
    const count = await body().catch((error) => {
      say(error instanceof Error ? error.message : String(error))
      return one(false)
    })
    this.#done.push({ name, count, seconds: secondsSince(begun) })
    say(`== ${name}: ${words(count)} (${secondsSince(begun)})`)
  }

  /**
   * @param {string} name
   * @param {string} why
   */
  skip(name, why) {
    say(`\n== ${name}: skipped, ${why.split('\n', 1)[0]}`)
  }

  /**
   * Runs phases one after the other, but for those that say why they are to be skipped.
   * @param {{ name: string, skip?: string, body: () => Promise<Count> }[]} list
   */
  async runAll(list) {
    for (const { name, skip, body } of list) {
      if (skip === undefined) await this.run(name, body)
      else this.skip(name, skip)
    }
  }

  /**
   * Prints what each phase gave and, as the last line of standard output, the sums; sets the exit code.
   * @param {string[]} [notes] lines before the last one
   */
  finish(notes = []) {
    const total = { passed: 0, failed: 0 }
    say('')
    for (const { name, count, seconds } of this.#done) {
      total.passed += count.passed
      total.failed += count.failed
      say(`${count.failed > 0 ? 'FAIL' : 'ok  '}  ${name}: ${words(count)} (${seconds})`)
      // The end of a long log is what people read.
      for (const failure of count.failures ?? []) say(`        ${failure}`)
    }
    for (const note of ['', ...notes]) say(note)
    // Where nothing ran, nothing is known to work.
    if (total.failed > 0 || total.passed === 0) process.exitCode = 1
    console.log(words(total))
  }
}

/** @param {Count} count */
const words = ({ passed, failed }) => `${passed} passed, ${failed} failed`

/**
 * The count that a program of ours printed as its last line; one failure where it printed none, or ended badly without
 * counting a failure.
 * @param {string} output
 * @param {number} code exit code
 * @returns {Count}
 */
export function lastCount(output, code) {
  const match = /(?:^|\n)(\d+) passed, (\d+) failed\s*$/.exec(output)
  if (match === null) return one(false)
  const count = { passed: Number(match[1]), failed: Number(match[2]) }
  if (code !== 0 && count.failed === 0) count.failed = 1
  return count
}
