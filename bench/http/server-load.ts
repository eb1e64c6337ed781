const US_PER_MS = 1e3

/** Share of one core that this process has used since the call before. */
export function busySince(): () => { busy: number } {
  let before = process.cpuUsage()
  let begun = performance.now()
  return () => {
    const { user, system } = process.cpuUsage(before)
    const busy = (user + system) / US_PER_MS / (performance.now() - begun)
    before = process.cpuUsage()
    begun = performance.now()
    return { busy }
  }
}
