/** Looks that a thread takes at a full or an empty queue before it lets another have its core. */
const LOOKS = 500
const NAP_MS = 0.05

const never = new Int32Array(new SharedArrayBuffer(4))

/** What a thread does after its `looks`-th look in vain, alike for every queue: spins for a while, then takes a nap. */
export function pause(looks: number): void {
  if (looks >= LOOKS) Atomics.wait(never, 0, 0, NAP_MS)
}
