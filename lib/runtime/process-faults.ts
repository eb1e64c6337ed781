/** Errors that say that this process cannot open a connection, whatever the other side does. */
export const PROCESS_FAULT_CODES: readonly string[] = [
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'EADDRNOTAVAIL',
  'EADDRINUSE',
  'EAGAIN',
  'EACCES',
  'EPERM',
  'ERR_MEMORY_ALLOCATION_FAILED',
]

/** Whether it was this process that could not connect; also of an error that gathers several attempts. */
export function isProcessFault(error: unknown): boolean {
  const { code, errors } = (error ?? {}) as { code?: unknown; errors?: unknown }
  if (typeof code === 'string' && PROCESS_FAULT_CODES.includes(code)) return true
  return Array.isArray(errors) && errors.some(isProcessFault)
}
