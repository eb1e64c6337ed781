// A thread that works on a shared balancer until it is terminated: picks, ends, keeps some leases, and changes the configuration.
import { parentPort, workerData } from 'node:worker_threads'
import { Balancer } from '../../dist/index.js'
import { seeded } from './seeded.mjs'

const { handle, index, seed, changes } = workerData
const balancer = Balancer.attach(handle)
const below = seeded(seed)
const OUTCOMES = [undefined, undefined, undefined, { ok: false }, { status: 500 }]
const held = []
const pick = () => {
  try {
    held.push(balancer.pick('users'))
  } catch (error) {
    if (error.code !== 'FAIRLEAD_OVERLOADED') throw error
  }
}
const users = balancer.service('users')
const own = `http://t${index}.test`

parentPort.postMessage('ready')
for (let turn = 0; ; turn++) {
  pick()
  if (below(3) === 0) pick()
  const keep = below(4)
  while (held.length > keep) held.splice(below(held.length), 1)[0].end(OUTCOMES[below(OUTCOMES.length)])
  if (!changes || turn % 16 !== 0) continue
  const present = users.endpoints.some(({ id }) => id === own)
  if (present) users.remove(own)
  else users.add(own)
}
