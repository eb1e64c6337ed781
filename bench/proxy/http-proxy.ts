/** The http-proxy package as a program: `node http-proxy.js PORT ENDPOINT_PORT`. */
import { Agent } from 'node:http'
import httpProxy from 'http-proxy'

const [, , port, endpoint] = process.argv
// With connections that are kept, without which it costs much more.
const agent = new Agent({ keepAlive: true })
httpProxy
  .createProxyServer({ target: `http://127.0.0.1:${endpoint}`, agent, xfwd: true })
  .on('error', (_error, _request, response) => response.destroy())
  .listen(Number(port), '127.0.0.1')
