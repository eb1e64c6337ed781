// A thread of the soak under overload: attaches, sends, changes the configuration when it is told to, says what is left at rest.
import { parentPort, workerData } from 'node:worker_threads'
import { Balancer } from '../../../dist/index.js'
import { seeded } from '../../support/seeded.mjs'
import { heapAtRest } from './growth.mjs'
import { Load } from './load.mjs'
import { EXPECTED_OF_CHANGES, SERVICES } from './plan.mjs'

const { handle, urls, seed } = workerData
const unexpected = (what) => parentPort.postMessage({ unexpected: what })
process.on('unhandledRejection', (error) => unexpected(`unhandled rejection: ${error?.stack ?? error}`))
process.on('warning', (warning) => unexpected(`warning: ${warning.stack}`))

const balancer = Balancer.attach(handle)
const load = new Load(balancer, workerData, unexpected)
const below = seeded(seed + 1)
let isOver = false

const ORDERS = {
  /** Loads what changes take, 3 MiB of schemas: the first change at random would look like a leak. */
  warmUp: () => balancer.service(SERVICES[0].name).set(urls[SERVICES[0].name][0], { weight: 1 }),
  change() {
    const { name, endpoints } = SERVICES[below(SERVICES.length)]
    const service = balancer.service(name)
    const spare = urls[name][endpoints]
    const any = urls[name][below(endpoints)]
    const changes = [
      () => service.add(spare),
      () => service.remove(spare),
      // Always the same one: some take requests at any time.
      () => service.set(urls[name][0], { state: below(2) === 0 ? 'drain' : 'ready' }),
      () => service.set(any, { weight: 1 + below(3) }),
    ]
    try {
      changes[below(changes.length)]()
    } catch (error) {
      if (!EXPECTED_OF_CHANGES.includes(error.code)) unexpected(`change: ${error.stack}`)
    }
  },
  wait: ({ name, mayLeave }) => load.wait(name, mayLeave),
  leave: () => load.leave(),
  waited: () => load.waited(),
  leftovers: () => load.leftovers(),
  heap: () => heapAtRest(),
  async stop() {
    isOver = true
    await balancer.stop()
    parentPort.unref()
  },
}

parentPort.on('message', async ({ number, order, ...rest }) => {
  const value = await ORDERS[order](rest)
  parentPort.postMessage({ number, value })
})
parentPort.postMessage('ready')
await load.run(() => isOver)
