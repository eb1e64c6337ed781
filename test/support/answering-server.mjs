// A server that answers at once, in a process of its own: sends its port to the parent, and ends with it.
import http from 'node:http'

const server = http.createServer((_request, response) => response.end('ok'))
server.listen(0, '127.0.0.1', () => process.send(server.address().port))
process.on('disconnect', () => process.exit())
