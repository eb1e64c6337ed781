/** Ranges, patterns and options that several stages have. */

import { text } from './kinds.js'
import type { Said } from './option.js'

/** One day: longer than any sensible time-out, and with jitter far below the longest wait of a Node timer. */
export const MAX_MS = 86_400_000
export const MAX_COUNT = 1_000_000
/** RFC 9110: the letters of a method, a header name, a cookie name. */
export const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** What can stand in a request line: a path with an optional query, no fragment. */
export const REQUEST_PATH = /^\/[!-"$-~]*$/

const MAX_ID_LENGTH = 256

/** The id of an endpoint or a rule. */
export const id = <const S extends Said>(spec: S) =>
  text({ right: `text of 1 to ${MAX_ID_LENGTH} characters`, pattern: /./, maxLength: MAX_ID_LENGTH, ...spec })

/** A region or zone. */
export const place = (about: string) =>
  text({
    right: `text of at most ${MAX_ID_LENGTH} characters`,
    maxLength: MAX_ID_LENGTH,
    default: '',
    defaultText: "`''`",
    about,
  })
