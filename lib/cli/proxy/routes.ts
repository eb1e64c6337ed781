import type { Route } from './config.js'
import { canonicalHost } from './host.js'

/** Which service a request is for: routes of its host first, then those of any host; the longest path of them. */
export class RouteTable {
  readonly #byHost = new Map<string, Route[]>()
  readonly #anyHost: Route[]
  readonly #only: string | undefined
  #hasWildcards = false

  /** @param services without routes, the only one of these gets every request */
  constructor(routes: readonly Route[], services: readonly string[]) {
    const longestFirst = [...routes].sort((a, b) => b.path.length - a.path.length)
    this.#anyHost = longestFirst.filter(({ host }) => host === undefined)
    for (const route of longestFirst) {
      if (route.host === undefined) continue
      if (route.host.startsWith('*.')) this.#hasWildcards = true
      const list = this.#byHost.get(route.host)
      if (list === undefined) this.#byHost.set(route.host, [route])
      else list.push(route)
    }
    this.#only = routes.length === 0 && services.length === 1 ? services[0] : undefined
  }

  /**
   * @param authority the Host header, port and all
   * @param target the path, query and all
   */
  choose(authority: string | undefined, target: string): string | undefined {
    if (this.#only !== undefined) return this.#only
    const end = target.indexOf('?')
    const path = end < 0 ? target : target.slice(0, end)
    const matches = (route: Route): boolean => isBelow(path, route.path)
    for (const routes of this.#ofHost(authority ?? '')) {
      const own = routes.find(matches)
      if (own !== undefined) return own.service
    }
    return this.#anyHost.find(matches)?.service
  }

  /** Routes of this very host, then those of `*.` and what is left of it without its first labels, the longest first. */
  *#ofHost(authority: string): Generator<readonly Route[]> {
    if (this.#byHost.size === 0) return
    const host = canonicalHost(authority)
    const exact = this.#byHost.get(host)
    if (exact !== undefined) yield exact
    if (!this.#hasWildcards) return
    for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
      const below = this.#byHost.get(`*${host.slice(dot)}`)
      if (below !== undefined) yield below
    }
  }
}

/** Whole segments only: `/users` has `/users` and `/users/1` below it, not `/usersettings`. */
function isBelow(path: string, prefix: string): boolean {
  if (!path.startsWith(prefix)) return false
  return prefix.endsWith('/') || path.length === prefix.length || path[prefix.length] === '/'
}
