interface Located {
  readonly url: string
}

/** Sorted by url, each url once: servers give no order that means anything, and may list one place twice. */
export function uniqueByUrl<E extends Located>(endpoints: readonly E[]): E[] {
  const byUrl = new Map<string, E>()
  for (const endpoint of endpoints) {
    const known = byUrl.get(endpoint.url)
    // Not the first one, since the order means nothing.
    if (known === undefined || JSON.stringify(endpoint) < JSON.stringify(known))
      byUrl.set(endpoint.url, endpoint)
  }
  return [...byUrl.values()].sort((a, b) => (a.url < b.url ? -1 : 1))
}
