/** Faults of TLS, and of HTTP/2 over it. */
import { BLACK_HOLE_MS, HANG_MS, type RowSpec, specs } from './spec.js'

const TLS: readonly RowSpec[] = specs('tls', 'endpoint', { readsAll: false }, [
  { name: 'TLS: expired', fault: 'tls-expired', what: 'its certificate has expired', two: true },
  { name: 'TLS: wrong name', fault: 'tls-wrong-name', what: 'its certificate is for another host' },
  { name: 'TLS: untrusted', fault: 'tls-untrusted', what: 'its certificate is signed by itself only' },
  { name: 'TLS: plain text', fault: 'tls-plain-text', what: 'it speaks HTTP in the clear' },
  { name: 'TLS: reset', fault: 'tls-reset', what: 'handshakes are reset' },
  { name: 'TLS: hangs', fault: 'tls-hang', what: 'handshakes get no answer', faultMs: BLACK_HOLE_MS },
])

const HTTP2: readonly RowSpec[] = specs('http/2', 'endpoint', { readsAll: true }, [
  {
    name: 'h2: hangs before the headers',
    fault: 'h2-hang-before-headers',
    what: 'streams are never answered',
    faultMs: HANG_MS,
    two: true,
  },
  {
    name: 'h2: hangs within the body',
    fault: 'h2-hang-in-body',
    what: 'four bytes of the body, and no more',
  },
  { name: 'h2: RST_STREAM', fault: 'h2-reset-stream', what: 'streams are reset with INTERNAL_ERROR' },
  {
    name: 'h2: RST_STREAM within the body',
    fault: 'h2-reset-in-body',
    what: 'the same after four bytes of the body',
  },
  {
    name: 'h2: REFUSED_STREAM',
    fault: 'h2-refused-stream',
    what: 'streams are refused: nothing was acted on',
    unprocessed: true,
    two: true,
  },
  { name: 'h2: 503', fault: 'h2-status-503', what: 'every answer is 503' },
])

const HTTP2_SESSIONS: readonly RowSpec[] = specs('http/2', 'endpoint', { readsAll: false }, [
  {
    name: 'h2: GOAWAY, graceful',
    fault: 'h2-goaway-graceful',
    what: 'each session ends in two steps at its 2nd request; all its streams are answered',
  },
  {
    name: 'h2: GOAWAY, unprocessed streams',
    fault: 'h2-goaway-unprocessed',
    what: 'each session goes away at its 2nd request, and says that this and later ones were not acted on',
    unprocessed: true,
  },
  {
    name: 'h2: GOAWAY, error',
    fault: 'h2-goaway-error',
    what: 'ENHANCE_YOUR_CALM at the 2nd request of each session; that one and later ones are not answered',
    two: true,
  },
  {
    name: 'h2: connection cut',
    fault: 'h2-connection-cut',
    what: 'the connection is reset at the 2nd request of each session',
  },
  {
    name: 'h2: no streams',
    fault: 'h2-no-streams',
    what: 'MAX_CONCURRENT_STREAMS is 0',
    faultMs: HANG_MS,
  },
  { name: 'h2: one stream', fault: 'h2-one-stream', what: 'MAX_CONCURRENT_STREAMS is 1' },
  {
    name: 'h2: changing settings',
    fault: 'h2-settings',
    what: 'new SETTINGS each 5 ms: header table, window, number of streams',
  },
  { name: 'h2: garbage', fault: 'h2-garbage', what: '`h2` in the handshake, and then no frame' },
])

export const SECURE_ROWS = [...TLS, ...HTTP2, ...HTTP2_SESSIONS]
