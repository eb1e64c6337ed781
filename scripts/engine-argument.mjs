// `--engine X` of the test scripts.
import { say } from './shell.mjs'

/**
 * Takes `--engine X` or `--engine=X` out of the arguments; ends the process on an X that is no engine. FAIRLEAD_ENGINE is
 * its default.
 * @param {string[]} args
 * @returns {{ engine: 'auto' | 'native' | 'fallback', rest: string[] }}
 */
export function takeEngine(args) {
  const rest = [...args]
  const at = rest.findIndex((word) => word === '--engine' || word.startsWith('--engine='))
  let engine = process.env.FAIRLEAD_ENGINE || 'auto'
  if (at !== -1) {
    const [word] = rest.splice(at, 1)
    engine = word === '--engine' ? (rest.splice(at, 1)[0] ?? '') : word.slice('--engine='.length)
  }
  if (engine === 'auto' || engine === 'native' || engine === 'fallback') return { engine, rest }
  say(`--engine is "${engine}"; it takes one of native, fallback`)
  process.exit(2)
}
