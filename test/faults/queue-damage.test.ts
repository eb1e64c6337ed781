/**
 * Whoever has a queue's handle can write anywhere in its memory. Whatever stands there, no operation may end the process or
 * stay in a loop: an exception, an empty queue and odd items are all that may come of it.
 *
 * A child process damages one word after the other, some of them while another thread uses the queue, and does everything
 * that a queue can do. `node test/support/queue-damage.mjs '{"rounds": 100, "seed": 7}'` goes on for longer.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { queueClasses } from '../contract/queue-engines.js'

const PROGRAM = fileURLToPath(new URL('../support/queue-damage.mjs', import.meta.url))
/** A trial takes some milliseconds; a process that says nothing for so long, in ms, is in a loop. */
const SILENCE_MS = 30_000
const PARTS = 4

async function run(engine: string, part: number): Promise<string> {
  const plan = JSON.stringify({ part, parts: PARTS, seed: 1 })
  const child = spawn(process.execPath, [PROGRAM, plan], { env: { ...process.env, FAIRLEAD_ENGINE: engine } })
  let said = ''
  let errors = ''
  const alarm = setTimeout(() => child.kill('SIGKILL'), SILENCE_MS)
  child.stdout.on('data', (data) => {
    said += data
    alarm.refresh()
  })
  child.stderr.on('data', (data) => {
    errors += data
  })
  const [code, signal] = await once(child, 'close')
  clearTimeout(alarm)
  const last = said.trim().split('\n').slice(-2).join(', ')
  return code === 0 ? 'survived' : `${signal ?? `exit code ${code}`} after: ${last} ${errors}`
}

const cases = queueClasses.flatMap(({ kind }) => Array.from({ length: PARTS }, (_, part) => ({ kind, part })))

it.each(cases)(
  '$kind engine: no word of a queue, damaged, ends the process (part $part)',
  async ({ kind, part }) => {
    expect(await run(kind, part)).toBe('survived')
  },
  180_000,
)
