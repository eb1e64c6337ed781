import type { Suite } from './harness/suite.js'
import { equalEndpoints } from './http/equal.js'
import { overHttp2 } from './http/http2.js'
import { killAndRevive } from './http/revival.js'
import { slowEndpoint } from './http/slow.js'

export const http: Suite = {
  name: 'http',
  about:
    'real requests: three equal endpoints, over HTTP/2 too, one slow, one killed and revived; beside undici',
  async run(run) {
    return [
      ...(await equalEndpoints(run)),
      ...(await overHttp2(run)),
      ...(await slowEndpoint(run)),
      ...(await killAndRevive(run)),
    ]
  },
}
