// A registry in forty lines: holds a list of endpoints, and tells it to whoever asks (GET /users, with an ETag) and to whoever
// listens (GET /users/events). PUT /users replaces it.
//   node examples/sources/registry.mjs 9000 http://127.0.0.1:8081
import { createServer } from 'node:http'

const [port, ...endpoints] = process.argv.slice(2)
const COMMENT_MS = 15_000
const MAX_LENGTH = 1_000_000

let list = JSON.stringify(endpoints)
let version = 1
const listeners = new Set()

const event = () => `id: ${version}\ndata: ${list}\n\n`

function replace(text) {
  // Of one line, as an event wants it; throws where it is no JSON.
  list = JSON.stringify(JSON.parse(text))
  version++
  for (const listener of listeners) listener.write(event())
}

const server = createServer((request, response) => {
  if (request.method === 'PUT') {
    let text = ''
    request.setEncoding('utf8')
    request.on('data', (chunk) => {
      text += chunk
      if (text.length > MAX_LENGTH) request.destroy()
    })
    request.on('end', () => {
      try {
        replace(text)
        response.end('taken\n')
      } catch (error) {
        response.writeHead(400).end(`${error.message}\n`)
      }
    })
  } else if (request.url === '/users/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(event())
    listeners.add(response)
    response.on('close', () => listeners.delete(response))
  } else {
    const etag = `"${version}"`
    if (request.headers['if-none-match'] === etag) response.writeHead(304).end()
    else response.writeHead(200, { 'content-type': 'application/json', etag }).end(list)
  }
})
// So that a connection that has died is told from one on which nothing changes.
setInterval(() => {
  for (const listener of listeners) listener.write(': still here\n\n')
}, COMMENT_MS)
server.listen(Number(port), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
