/** A checksum of a list of endpoints: of what they say, and of their order. */
export function sumOf(/** @type {readonly { url: string, metadata: Record<string, unknown> }[]} */ list) {
  let sum = 0
  for (const { metadata } of list)
    sum = (Math.imul(sum, 31) + Number(metadata.n) + 7 * Number(metadata.version ?? 0)) | 0
  return sum
}
