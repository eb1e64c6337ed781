/**
 * e^-x for x >= 0, and 0 for anything else, by a fixed sequence of IEEE double operations: both engines get the same
 * bits, which the platforms' own `exp` does not promise. x/ln 2 is split in k + f with f from -1/2 to 1/2; 2^-f is a
 * Taylor polynomial in f ln 2 to the 7th power (relative error below 1e-8, a sixth of what a float32 can tell); 2^-k
 * comes from halving. A small x, as between two requests under load, takes a shorter way: its own Taylor polynomial.
 */
const INVERSE_LN2 = 1.4426950408889634
const LN2 = 0.6931471805599453
const C2 = 1 / 2
const C3 = 1 / 6
const C4 = 1 / 24
const C5 = 1 / 120
const C6 = 1 / 720
const C7 = 1 / 5040
/** Beyond it the result is below 1e-26, which nobody can tell from 0. */
const LARGEST = 60
/** Below it the polynomial of the 3rd power in x is as exact as the long way. */
const SMALL = 1 / 64

/** 2^-k for k from 0 to 87. */
const HALVES = Float64Array.from({ length: 88 }, (_, k) => 2 ** -k)

export function expNegative(x: number): number {
  if (!(x >= 0 && x < LARGEST)) return 0
  if (x < SMALL) return 1 - x + x * x * (C2 - x * C3)
  const y = x * INVERSE_LN2
  const k = (y + 0.5) | 0
  const z = (k - y) * LN2
  // In pairs rather than one long chain (Estrin): the processor computes them side by side.
  const z2 = z * z
  const low = 1 + z + z2 * (C2 + z * C3)
  const high = C4 + z * C5 + z2 * (C6 + z * C7)
  return (low + z2 * z2 * high) * HALVES[k]
}
