// `npm run test:mutation`: small changes of lib/, one at a time, each shown to the tests that reach it. Says which of
// them no test noticed. Exit code 1: less than 85 % were noticed.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { AREAS, areaOfFiles } from './mutation/areas.mjs'
import { chooseTests } from './mutation/choose-tests.mjs'
import { isEquivalent, unused } from './mutation/equivalent.mjs'
import { mutantsOf } from './mutation/mutants.mjs'
import { inParallel } from './mutation/parallel.mjs'
import { measureReach } from './mutation/reach.mjs'
import { describe, lastSurvivors, report } from './mutation/report.mjs'
import { sample } from './mutation/sample.mjs'
import { Tree } from './mutation/tree.mjs'
import { tryMutant } from './mutation/try-mutant.mjs'
import { setupOrExit } from './setup.mjs'
import { ROOT, say } from './shell.mjs'

const HELP = `npm run test:mutation [-- options]

  --sample N      how many mutants, spread evenly over the areas (160)
  --seed S        which ones (1)
  --area A,B      only of these areas: ${Object.keys(AREAS).join(', ')}
  --file TEXT     only of files whose path contains TEXT
  --minutes M     no mutant is begun after so many minutes (45)
  --jobs N        side by side (2)
  --engine E      fallback or native (fallback)
  --pause-while F begins no mutant while there is a file F: somebody measures on this machine
  --again         what survived the last run, instead of a sample
  --list          prints the mutants and ends

The first run after a change of lib/ finds out which tests reach what, which takes about as long as \`npm test\`.
.cache/mutation/report.json has every mutant and the test that noticed it.`

const { values } = parseArgs({
  options: {
    sample: { type: 'string', default: '160' },
    seed: { type: 'string', default: '1' },
    area: { type: 'string', default: Object.keys(AREAS).join(',') },
    file: { type: 'string', default: '' },
    minutes: { type: 'string', default: '45' },
    jobs: { type: 'string', default: '2' },
    engine: { type: 'string', default: 'fallback' },
    'pause-while': { type: 'string', default: '' },
    again: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const numberOf = (/** @type {'sample' | 'seed' | 'minutes' | 'jobs'} */ name) => {
  const value = Number(values[name])
  if (Number.isFinite(value) && value > 0) return value
  say(`--${name} is "${values[name]}"; it takes a number above 0`)
  process.exit(2)
}

if (values.help) {
  console.log(HELP)
  process.exit()
}
const wanted = values.area.split(',')
const unknown = wanted.find((area) => AREAS[area] === undefined)
if (unknown !== undefined) {
  say(`--area names "${unknown}"; there are ${Object.keys(AREAS).join(', ')}`)
  process.exit(2)
}
const [size, seed, jobs, minutes] = [
  numberOf('sample'),
  numberOf('seed'),
  numberOf('jobs'),
  numberOf('minutes'),
]

const areas = areaOfFiles()
const all = [...areas].flatMap(([file, area]) =>
  mutantsOf(file, readFileSync(join(ROOT, file), 'utf8')).map((mutant) => ({ area, mutant })),
)
for (const { file, source } of unused(all.map(({ mutant }) => mutant))) {
  say(`equivalent.json: no mutant of ${file} is at "${source}" any more`)
}
/** @type {Map<string, import('./mutation/mutants.mjs').Mutant[]>} */
const byArea = new Map(wanted.map((area) => [area, []]))
for (const { area, mutant } of all) {
  if (mutant.file.includes(values.file) && !isEquivalent(mutant)) byArea.get(area)?.push(mutant)
}
const chosen = values.again ? lastSurvivors() : sample(byArea, size, seed)
if (values.list) {
  for (const { area, mutant } of chosen) console.log(`${area}  ${describe(mutant)}`)
  process.exit()
}

// By way of `exit`, which ends the tests that are running.
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM']))
  process.once(signal, () => process.exit(130))
const begun = performance.now()
const pauseFile = values['pause-while']
const { native } = await setupOrExit()
if (values.engine === 'native' && !native) {
  say('--engine native: there is no addon here')
  process.exit(2)
}
const reach = await measureReach(areas, { engine: values.engine, jobs, pauseFile })
for (const [file, { result }] of reach.tests) {
  if (result !== 'passed') say(`mutation: ${file} is not used: ${result} without any change`)
}

// Some runs in which nothing is changed, to know how often a test fails by itself.
const CONTROLS = 20
const work = chosen.flatMap((one, index) => [
  { ...one, control: false },
  ...(index % CONTROLS === CONTROLS - 1 ? [{ ...one, control: true }] : []),
])
const end = performance.now() + minutes * 60_000
/** @type {import('./mutation/report.mjs').Result[]} */
const results = []
/** @type {import('./mutation/try-mutant.mjs').Trial[]} */
const controls = []
say(`mutation: ${chosen.length} mutants of ${all.length}, on the ${values.engine} engine`)
await inParallel(work, { lanes: jobs, pauseFile }, async (lane) => {
  const tree = new Tree(`lane-${lane}`)
  return {
    async each({ area, mutant, control }) {
      if (performance.now() > end) return
      const options = { file: mutant.file, tests: chooseTests(mutant, reach), engine: values.engine }
      const trial = await tryMutant(tree, control ? undefined : mutant, options)
      if (control) controls.push(trial)
      else results.push({ area, mutant, ...trial })
      const words = control ? 'nothing changed' : describe(mutant)
      say(`${results.length}/${chosen.length} ${trial.fate}, ${trial.seconds.toFixed(1)} s: ${words}`)
    },
    end: () => tree.remove(),
  }
})
if (results.length < chosen.length) say(`mutation: ${minutes} minutes were over before all were tried`)
const enough = report(results, { controls, options: { ...values } })
say(`mutation: ${((performance.now() - begun) / 60_000).toFixed(1)} minutes`)
process.exitCode = enough ? 0 : 1
