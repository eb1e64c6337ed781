// An endpoint of hang.soak.ts, a process of its own. Tells its port, and ends with its parent.
import { createServer } from 'node:http'

const LONG_MS = 60_000

/** How long an answer takes, ms; undefined: there is none. */
const delays = {
  quick: () => Math.random() * 1_000,
  slow: () => LONG_MS,
  mixed: () => (Math.random() < 0.0005 ? LONG_MS : 5),
  polls: () => (Math.random() < 0.02 ? LONG_MS : 5),
}

const hangs = {
  silent() {},
  trickle(socket) {
    socket.write('HTTP/1.1 200 OK\r\nx-slow: ')
    every(socket, 500, () => socket.write('a'))
  },
  informational(socket) {
    every(socket, 500, () => socket.write('HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n'))
  },
}

function every(socket, ms, fn) {
  const timer = setInterval(fn, ms)
  socket.on('close', () => clearInterval(timer))
}

const behaviour = process.argv[2]
const server = createServer((request, response) => {
  const { socket } = request
  if (behaviour in hangs) return hangs[behaviour](socket)
  setTimeout(() => response.end('answered'), delays[behaviour]())
})
server.on('connection', (socket) => socket.on('error', () => {}))
server.listen(0, '127.0.0.1', () => process.send?.(server.address().port))
process.on('disconnect', () => process.exit())
