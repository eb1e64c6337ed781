/** Faults over HTTP/1.1 in the clear: of connections, answers and statuses, of processes, and of the client's surroundings. */
import { BLACK_HOLE_MS, HANG_MS, type RowSpec, STOPPED_MS, specs } from './spec.js'

const CONNECTIONS: readonly RowSpec[] = specs('http/1.1', 'endpoint', { readsAll: false }, [
  { name: 'refused', fault: 'refuse', what: 'nobody listens; standing connections are reset', two: true },
  {
    name: 'reset on accept',
    fault: 'reset-on-accept',
    what: 'connections are accepted and reset',
    two: true,
  },
  { name: 'closed on accept', fault: 'close-on-accept', what: 'connections are accepted and closed' },
  {
    name: 'silent connection',
    fault: 'silent-connection',
    what: 'connections are accepted, and nothing is read from them',
    faultMs: HANG_MS,
  },
  {
    name: 'backlog full',
    fault: 'backlog-full',
    what: 'the listener accepts nothing, and its backlog is full: attempts to connect get no answer',
    faultMs: BLACK_HOLE_MS,
  },
  {
    name: 'server without descriptors',
    fault: 'descriptors',
    what: 'the endpoint has no file descriptor left for a connection',
    descriptors: { of: 'endpoint', most: 160 },
  },
  {
    name: 'idle connections closed',
    fault: 'idle-close-race',
    what: 'connections are closed within 30 ms of an answer, often just as the next request is sent',
  },
  {
    name: 'reset on reuse',
    fault: 'reset-on-reuse',
    what: "a connection's second request is reset before it is read",
  },
])

const ANSWERS: readonly RowSpec[] = specs('http/1.1', 'endpoint', { readsAll: true }, [
  { name: 'reset after the request', fault: 'reset-after-request', what: 'read, then reset', two: true },
  { name: 'closed after the request', fault: 'close-after-request', what: 'read, then closed' },
  {
    name: 'hangs before the headers',
    fault: 'hang-before-headers',
    what: 'read, and never answered',
    faultMs: HANG_MS,
    two: true,
  },
  {
    name: 'hangs within the headers',
    fault: 'hang-in-headers',
    what: '40 characters of the headers, and no more',
    faultMs: HANG_MS,
  },
  {
    name: 'trickling headers',
    fault: 'trickling-headers',
    what: 'one more header each 50 ms, for ever',
    faultMs: HANG_MS,
  },
  {
    name: '1xx for ever',
    fault: 'informational-for-ever',
    what: 'a 103 each 50 ms, and never an answer',
    faultMs: HANG_MS,
  },
  { name: '1xx flood', fault: 'informational-flood', what: '200 times 102 at once, then a good answer' },
  { name: 'reset within the body', fault: 'reset-in-body', what: 'half of the body, then reset' },
  { name: 'closed within the body', fault: 'close-in-body', what: 'half of the body, then closed' },
  { name: 'hangs within the body', fault: 'hang-in-body', what: 'half of the body, and no more' },
  {
    name: 'trickling body',
    fault: 'trickling-body',
    what: 'a good answer, whose body takes two seconds, a byte each 50 ms',
  },
  { name: 'length too long', fault: 'length-too-long', what: 'content-length: 100, five bytes, closed' },
  {
    name: 'length too short',
    fault: 'length-too-short',
    what: 'content-length: 5, and sixteen bytes, closed',
    readsAll: false,
  },
  { name: 'length and chunks', fault: 'length-and-chunks', what: 'content-length beside transfer-encoding' },
  { name: 'two lengths', fault: 'two-lengths', what: 'two content-lengths that differ' },
  { name: 'broken chunk', fault: 'broken-chunk', what: 'a chunk, then one of no length that can be read' },
  { name: 'last chunk missing', fault: 'last-chunk-missing', what: 'a chunk, then closed' },
  { name: 'garbage', fault: 'garbage', what: 'a line that is no status line, then closed' },
  { name: 'status of four digits', fault: 'status-of-four-digits', what: 'HTTP/1.1 2000 Fine' },
  { name: 'huge headers', fault: 'huge-headers', what: '45 KB of headers' },
  { name: 'unasked 101', fault: 'unasked-101', what: 'an upgrade that nobody asked for' },
])

const STATUSES: readonly RowSpec[] = specs('http/1.1', 'endpoint', { readsAll: true }, [
  { name: '500', fault: 'status-500', what: 'every answer is 500', two: true },
  { name: '502', fault: 'status-502', what: 'every answer is 502' },
  { name: '503', fault: 'status-503', what: 'every answer is 503', two: true },
  {
    name: '503 with Retry-After',
    fault: 'status-503-retry-after',
    what: 'every answer is 503, with Retry-After: 2',
  },
  { name: '504', fault: 'status-504', what: 'every answer is 504' },
  { name: '429', fault: 'status-429', what: 'every answer is 429' },
  {
    name: '429 with Retry-After',
    fault: 'status-429-retry-after',
    what: 'every answer is 429, with Retry-After: 2',
  },
  {
    name: 'mixed',
    fault: 'mixed',
    what: 'of ten requests one each is reset, closed, answered with garbage, broken within the body, 500, 503; four are answered',
    two: true,
  },
])

const PROCESSES: readonly RowSpec[] = specs('http/1.1', 'process', { readsAll: false }, [
  { name: 'kill -9', fault: 'kill', what: 'the process is killed, and started again', two: true },
  {
    name: 'kill -STOP',
    fault: 'stop',
    what: 'the process is stopped, and continued',
    faultMs: STOPPED_MS,
  },
  {
    name: 'kill -STOP, short',
    fault: 'stop',
    what: 'the process is stopped, and continued',
    faultMs: 2_000,
  },
])

const DNS = { readsAll: false, named: true, closing: true, unprocessed: true } as const
const SURROUNDINGS: readonly RowSpec[] = [
  ...specs('http/1.1', 'client', DNS, [
    { name: 'DNS: not found', fault: 'dns-failing', what: 'its name is not found (ENOTFOUND)', two: true },
    { name: 'DNS: try again', fault: 'dns-try-again', what: 'no server answers for its name (EAI_AGAIN)' },
    {
      name: 'DNS: hanging',
      fault: 'dns-hanging',
      what: 'the resolver never answers for its name',
      faultMs: BLACK_HOLE_MS,
    },
    { name: 'DNS: changed', fault: 'dns-elsewhere', what: 'its name has an address where nobody listens' },
    {
      name: 'DNS: two addresses',
      fault: 'dns-two-addresses',
      what: 'its name has two addresses, and nobody listens at the first',
    },
  ]),
  ...specs('http/1.1', 'client', { readsAll: false }, [
    {
      name: 'client without descriptors',
      fault: 'descriptors',
      what: "the client's process has no file descriptor left, and each request needs a new connection",
      closing: true,
      descriptors: { of: 'client', most: 160 },
      apart: true,
    },
  ]),
]

export const HTTP1_ROWS = [...CONNECTIONS, ...ANSWERS, ...STATUSES, ...PROCESSES, ...SURROUNDINGS]
