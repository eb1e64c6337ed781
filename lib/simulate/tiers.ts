/** Tier of a request. @param at uniform, above 0 and at most 1 */
export function tierOf(shares: readonly number[], at: number): number {
  let sum = 0
  for (let tier = 0; tier < shares.length - 1; tier++) {
    sum += shares[tier]
    if (at <= sum) return tier
  }
  return shares.length - 1
}
