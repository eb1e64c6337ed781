import type { Suite } from './harness/suite.js'
import { equalEndpoints } from './http/equal.js'
import { killAndRevive } from './http/revival.js'
import { slowEndpoint } from './http/slow.js'

export const http: Suite = {
  name: 'http',
  about: 'real requests: three equal endpoints, one slow, one killed and revived; beside undici',
  async run(run) {
    return [...(await equalEndpoints(run)), ...(await slowEndpoint(run)), ...(await killAndRevive(run))]
  },
}
