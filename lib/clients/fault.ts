/** Errors of undici that say nothing about the endpoint: the caller's arguments, or connections that fairlead closed itself. */
const CALLERS_FAULT = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_RES_EXCEEDED_MAX_SIZE',
  'UND_ERR_ABORTED',
])
const OWN_DOING = new Set(['UND_ERR_CLOSED', 'UND_ERR_DESTROYED'])
const TIME_OUTS = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'FAIRLEAD_DEADLINE'])

const codeOf = (error: unknown): string => {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : ''
}

export const isCallersFault = (error: unknown): boolean => CALLERS_FAULT.has(codeOf(error))
/** The pool was closed under the request, because its endpoint or its options just changed: try again elsewhere. */
export const isOwnDoing = (error: unknown): boolean => OWN_DOING.has(codeOf(error))
/** The endpoint did not answer in time: the time that passed is a latency sample, if only a lower bound. */
export const isTimeOut = (error: unknown): boolean => TIME_OUTS.has(codeOf(error))
/** How `AbortSignal.timeout` ends a request. */
export const isCallersTimeOut = (reason: unknown): boolean =>
  (reason as Error | null)?.name === 'TimeoutError'
