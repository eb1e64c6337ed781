/** The process of one endpoint: `node endpoint/main.js OPTIONS FAULT`, driven over the IPC channel. */
import { FAULTS } from '../faults/index.js'
import { failToStart, obey } from '../orders.js'
import { Endpoint } from './endpoint.js'

const [, , options, faultName] = process.argv
const endpoint = new Endpoint(JSON.parse(options), FAULTS[faultName] ?? {})

endpoint
  .listen()
  .then(
    () => obey({ switchOn: () => endpoint.switchOn(), switchOff: () => endpoint.switchOff() }),
    failToStart,
  )
