/**
 * `Retry-After` of a response in ms from now; 0 where there is none, or none that can be understood (RFC 9110, 10.2.3: a
 * whole number of seconds, or a date).
 *
 * @param headers raw pairs of name and value
 * @param now wall-clock time in ms
 */
export function retryAfterMs(headers: readonly (Buffer | string)[], now: number = Date.now()): number {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i].length !== NAME.length || headers[i].toString('latin1').toLowerCase() !== NAME) continue
    const value = headers[i + 1].toString('latin1').trim()
    if (/^\d+$/.test(value)) return Number(value) * 1_000
    const date = Date.parse(value)
    return Number.isNaN(date) ? 0 : Math.max(0, date - now)
  }
  return 0
}

const NAME = 'retry-after'
