// A child process: an HTTP server that answers when it is told to, and says when it did, on a clock that all processes share.
//   /begin  answered at once
//   /N      WORK_MS after the parent has said N or more; the body says when the headers were written, ms
import { createServer } from 'node:http'

const WORK_MS = 5
const NS_PER_MS = 1e6

let released = -1
let waiting = []

function release() {
  const answers = waiting.filter(({ round }) => round <= released)
  waiting = waiting.filter(({ round }) => round > released)
  for (const { response } of answers)
    setTimeout(() => {
      response.flushHeaders()
      // After the writing, so that the answer was not there later than it says.
      response.end(String(Number(process.hrtime.bigint()) / NS_PER_MS))
    }, WORK_MS)
}

const server = createServer((request, response) => {
  if (request.url === '/begin') return response.end()
  waiting.push({ round: Number(request.url.slice(1)), response })
  release()
})
process.on('message', (round) => {
  released = round
  release()
})
process.on('disconnect', () => process.exit(0))
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
