/** A host, with a port if need be. */
export const HOST_HEADER = /^[A-Za-z0-9._~!$&'()*+,;=%[\]:-]+$/

/**
 * The Host header that a service's `client.host` sets; undefined: whatever the client does on its own, which sends the
 * request's, and the endpoint's where it has none.
 *
 * @param option `client.host`
 */
export function hostToSet(option: string | undefined, serviceName: string): string | undefined {
  if (option === undefined || option === 'endpoint' || option === 'request') return undefined
  return option === 'service' ? serviceName : option
}
