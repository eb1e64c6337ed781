const STEPS = [1, 2, 5]
/** More marks than these stand too close: then only the powers of ten have one. */
const MOST_TICKS = 10

/**
 * Bounds around the positive ones of these values, none of which lies on a bound, and the marks between them: 1, 2 and 5
 * times powers of ten.
 */
export function logScale(values: readonly number[]): { low: number; high: number; ticks: number[] } {
  const positive = values.filter((value) => value > 0)
  const least = positive.length === 0 ? 1 : Math.min(...positive)
  const most = positive.length === 0 ? 1 : Math.max(...positive)
  const [from, to] = [Math.floor(Math.log10(least)) - 1, Math.floor(Math.log10(most)) + 1]
  const all: number[] = []
  // Read from decimals: 10 ** -2 times 5 is not always 0.05.
  for (let power = from; power <= to; power++) for (const step of STEPS) all.push(Number(`${step}e${power}`))
  const low = all.findLast((tick) => tick < least) ?? all[0]
  const high = all.find((tick) => tick > most) ?? most * 2
  const ticks = all.filter((tick) => tick >= low && tick <= high)
  const tens = ticks.filter((tick) => Number.isInteger(Math.log10(tick)))
  return { low, high, ticks: ticks.length > MOST_TICKS ? tens : ticks }
}
