/** `npm run test:cluster`: scenarios over a real etcd and several nodes. One table. */
import { HELP, parseOptions, type RunOptions } from './arguments.js'
import { sweepData, whyNoEtcd } from './etcd-cluster.js'
import { whyNoFaketime } from './faketime.js'
import { sweepNamespaces, whyNoNamespaces } from './namespaces.js'
import type { Network } from './network.js'
import { closeAll, type Played, play } from './play.js'
import type { Scenario } from './scenario.js'
import { lineOf, tableOf } from './table.js'

const say = (line: string): void => void process.stderr.write(`${line}\n`)

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => void closeAll().finally(() => process.exit(1)))

/** undefined where it can be played. */
function whyNot({ needs }: Scenario, kind: Network['kind']): string | undefined {
  if (needs === 'faketime') return whyNoFaketime()
  return needs === 'namespaces' && kind !== 'namespaces' ? 'it needs network namespaces' : undefined
}

function options(): RunOptions {
  try {
    return parseOptions(process.argv.slice(2))
  } catch (error) {
    say(`test:cluster: ${(error as Error).message}`)
    process.exit(2)
  }
}

const { scenarios, isShort, plain, list, help } = options()
if (help || list) {
  console.log(help ? HELP : scenarios.map(({ name, what }) => `${name}: ${what}`).join('\n'))
  process.exit()
}
const missing = whyNoEtcd()
if (missing !== undefined) {
  say(`test:cluster: ${missing}; on Debian: apt-get install etcd-server etcd-client`)
  process.exit(2)
}
sweepData()
const noNamespaces = plain ? '--processes' : await whyNoNamespaces()
if (noNamespaces === undefined) await sweepNamespaces()
const kind = noNamespaces === undefined ? 'namespaces' : 'processes'
const where = noNamespaces === undefined ? 'network namespaces' : `plain processes (${noNamespaces})`
say(`${scenarios.length} scenarios, in ${where}`)

const played: Played[] = []
for (const scenario of scenarios) {
  const why = whyNot(scenario, kind)
  if (why !== undefined) {
    say(`skip  ${scenario.name}: ${why}`)
    continue
  }
  say(`      ${scenario.name}: ${scenario.what}`)
  const result = await play(scenario, kind, isShort)
  played.push(result)
  say(lineOf(result))
}
console.log(`\nIn ${where}:\n\n${tableOf(played)}\n`)
const failed = played.filter(({ faults }) => faults.length > 0).length
process.exitCode = failed > 0 || played.length === 0 ? 1 : 0
console.log(`${played.length - failed} passed, ${failed} failed`)
