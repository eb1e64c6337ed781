import { loadUndici } from '../../runtime/lazy.js'

/**
 * An error of Node's HTTP client as undici would say it: outcomes and retries go by undici's codes. Errors of sockets, TLS
 * and names have the same codes in both.
 *
 * @param answered the answer's headers had come
 */
export function asUndiciError(error: NodeJS.ErrnoException, answered: boolean): Error {
  const { errors } = loadUndici()
  if (error.code === 'HPE_HEADER_OVERFLOW')
    return Object.assign(new errors.HeadersOverflowError(), { cause: error })
  // Node's word for a connection that the other side closed without a reset.
  const closed = error.code === 'ECONNRESET' && (answered || error.message === 'socket hang up')
  return closed ? Object.assign(new errors.SocketError('other side closed'), { cause: error }) : error
}
