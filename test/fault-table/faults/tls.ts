/** Faults of TLS: of certificates and of handshakes. */
import type { Certificate } from '../certificates.js'
import { type Fault, type Faults, onConnection } from '../endpoint/fault.js'

const presenting = (certificate: Certificate): Fault => ({
  begin(endpoint) {
    endpoint.present(certificate)
    endpoint.cutConnections()
  },
  end: (endpoint) => endpoint.present('good'),
})

export const TLS_FAULTS: Faults = {
  'tls-expired': presenting('expired'),
  'tls-wrong-name': presenting('wrong-name'),
  'tls-untrusted': presenting('untrusted'),
  'tls-plain-text': onConnection((socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
  // The client's first message is read, and then ...
  'tls-hang': onConnection((socket) => void socket.on('data', () => {})),
  'tls-reset': onConnection((socket) => void socket.once('data', () => socket.resetAndDestroy())),
}
