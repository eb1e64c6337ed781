/** docs/faults.md. */
import os from 'node:os'
import type { Row } from '../row.js'
import { HUNG_AFTER_MS, REQUESTS_PER_SECOND } from './run-row.js'
import { endpointCount, type Result } from './schedule.js'
import { tableOf } from './table.js'

const MIB = 2 ** 20

export function pageOf(results: readonly Result[], minutes: number): string {
  const failed = results.filter(({ faults }) => faults.length > 0)
  const rows = [...new Set(results.map(({ row }) => row))]
  return `# Faults

\`npm run test:faults\` writes this page: do not edit it. In each row a client with all defaults sends ${REQUESTS_PER_SECOND['http/1.1']} requests a second
(${REQUESTS_PER_SECOND.tls} over TLS; four GETs, one POST) to ${endpointCount} real servers, each in a process of its own. After a warm-up one or two of them become faulty for some seconds, and then
are well again. The load is an open loop: it goes on whatever becomes of the requests.

What must hold in every row:

- No GET fails or hangs while an endpoint is healthy, unless the headers of an answer had reached the caller. A GET that gets 502, 503 or 504 has failed;
  500 and 429 are answers, which are not retried by default, and have a column.
- No POST is read by endpoints twice, unless the protocol said that the first had not acted on it (REFUSED_STREAM, streams above GOAWAY's last).
- No POST fails where the protocol says that nothing was acted on (REFUSED_STREAM, GOAWAY with unprocessed streams, no address for a name).
- The counts agree. Each request of a caller is in \`stats()\` once, failed or not as the caller saw it, and none is left in flight. For each
  endpoint, \`stats()\` has the tries that undici was given (its \`undici:request:create\` channel). A healthy endpoint has read exactly the requests
  that were written to connections (\`undici:client:sendHeaders\`), and so has a faulty one whose fault comes after the reading; others have read no more than those.
- The fault was met, every faulty endpoint is used again afterwards, and no process ended that was not killed.

How to read the columns:

- *saved*: answered below 500 although a try had failed.
- *GETs failed*, *POSTs failed*: by error code or status. A POST fails where the request may have been acted on: it is not sent again.
- *GETs hung*, *POSTs hung*: no headers after ${HUNG_AFTER_MS / 1_000} s, nor at the end of the row. The client then gives them up.
- *broken after the headers*: the caller had the headers, and the body broke (by code), had not ended after ${HUNG_AFTER_MS / 1_000} s (*unfinished*),
  or ended without an error and without a part of it (*cut*; HTTP/2 without content-length).
- *share of picks*: of all tries during the fault, those to faulty endpoints.
- *detected after*: from the begin of the fault until the (last) faulty endpoint was ejected, or begins a second with less than 5% of the picks.
  The default policy leaves a slow endpoint almost alone while one request at a time is under way, so this may be at once.
- *back after*: from the end of the fault until the (last) faulty endpoint has answered a request well. After 500 an ejection takes 30 s.
- *longest wait*: of a GET for its headers, of those that were answered, over the whole row. Times are told and not judged.

What is mocked: the resolver (\`dns.lookup\` in the client's process; \`DNS\` rows). Descriptors run out because the process has taken all that its
\`ulimit -n\` allows. All else is real: sockets, servers of Node's own behind an injector of faults, TLS with the certificates of \`test/fixtures/tls/faults\`, signals.
In the \`DNS\` rows and in those without descriptors every answer ends its connection, so that each request needs a new one.
*client without descriptors* is apart: no endpoint can be reached there, so requests fail; what must hold is that nothing is ejected and that the counts agree.

What no row covers: an endpoint that answers most requests and leaves some of them unanswered. That is no stall of the endpoint, and by default such a
request waits for \`client.headersTimeout\`; \`retry.perTryTimeoutMs\` bounds it.

## The table

${machine()}, ${results.length} rows in ${minutes.toFixed(1)} minutes, ${results.length - failed.length} hold, ${failed.length} do not.

${tableOf(results)}
${failedText(failed)}
## The faults

${rows
  .filter(({ faulty }) => faulty === 1)
  .map(faultText)
  .join('\n')}
`
}

function machine(): string {
  const cpus = os.cpus()
  const memory = Math.round(os.totalmem() / MIB / 1024)
  const date = new Date().toISOString().slice(0, 10)
  return `${date}, Node ${process.versions.node}, ${os.type()} ${os.release()}, ${cpus.length} x ${cpus[0]?.model.trim() ?? 'unknown'}, ${memory} GiB`
}

const faultText = ({ name, what, faultMs }: Row): string => `- *${name}*, for ${faultMs / 1_000} s: ${what}.`

function failedText(failed: readonly Result[]): string {
  if (failed.length === 0) return ''
  const texts = failed.map(({ row, engine, faults }) => {
    const list = faults.map((fault) => fault.split('\n', 1)[0]).join('; ')
    return `- *${row.name}*, ${row.faulty} of ${endpointCount}, ${engine}: ${list}.`
  })
  return `\n## What does not hold\n\n${texts.join('\n')}\n`
}
