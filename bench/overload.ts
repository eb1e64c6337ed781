import type { Suite } from './harness/suite.js'
import { erlang } from './overload/erlang.js'
import { shapes } from './overload/shapes.js'
import { tiers } from './overload/tiers.js'

export const overload: Suite = {
  name: 'overload',
  about: 'twice and four times what endpoints can serve, callers with deadlines; beside undici and HAProxy',
  async run(run) {
    return [...(await shapes(run)), ...(await tiers(run)), ...(await erlang(run))]
  },
}
