/**
 * Requests whose bytes follow from their number, as its first four bytes say it: whoever reads one can tell whether it is
 * whole. Lengths go from 4 to `slotBytes`.
 */
export const lengthOf = (number, slotBytes) => 4 + ((number * 7919) % (slotBytes - 3))

const byteOf = (number, at) => (number * 31 + at * 7) & 0xff

export function requestOf(number, slotBytes) {
  const bytes = new Uint8Array(lengthOf(number, slotBytes))
  for (let i = 4; i < bytes.length; i++) bytes[i] = byteOf(number, i)
  new DataView(bytes.buffer).setUint32(0, number)
  return bytes
}

/** The number of a request; -1 where it is not what `requestOf` makes. */
export function numberOf(bytes, slotBytes) {
  if (bytes.length < 4) return -1
  const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  if (bytes.length !== lengthOf(number, slotBytes)) return -1
  for (let i = 4; i < bytes.length; i++) if (bytes[i] !== byteOf(number, i)) return -1
  return number
}
