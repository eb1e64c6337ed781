// Servers to send requests to. Each answers with its port.
//   node examples/sources/endpoints.mjs 8081 8082
import { createServer } from 'node:http'

for (const port of process.argv.slice(2).map(Number)) {
  const server = createServer((_request, response) => response.end(`${server.address().port}\n`))
  server.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
}
