const MS_PER_SECOND = 1000

/** A `Retry-After` header in ms: seconds or an HTTP date (RFC 9110, 10.2.3); 0 where there is none, or none that is right. */
export function retryAfterMs(headers: readonly Buffer[]): number {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i].length !== 'retry-after'.length) continue
    if (headers[i].toString('latin1').toLowerCase() !== 'retry-after') continue
    const text = headers[i + 1].toString('latin1').trim()
    const ms = /^\d+$/.test(text) ? Number(text) * MS_PER_SECOND : Date.parse(text) - Date.now()
    return Number.isNaN(ms) ? 0 : Math.max(0, ms)
  }
  return 0
}
