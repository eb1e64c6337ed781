import type { HostName } from './host-names.js'

const SHOWN = 5

/** For the report, a line or two each. */
export function hostNameText({ service, url, resolved, addresses, error, advice }: HostName): string {
  const what =
    resolved === 'at connect'
      ? 'one endpoint: getaddrinfo resolves its name with each new connection, which goes to one address'
      : 'an endpoint for each address that DNS gives, asked for again by TTL'
  const now = error === undefined ? `${addressesText(addresses)} now` : `no address now: ${error}`
  const note = advice === undefined ? '' : `\n    All requests go to one of them; ${advice}.`
  return `${service}: ${url}\n    ${what}; ${now}.${note}`
}

function addressesText(addresses: readonly string[]): string {
  const more = addresses.length > SHOWN ? `, and ${addresses.length - SHOWN} more` : ''
  const count = `${addresses.length} address${addresses.length === 1 ? '' : 'es'}`
  return `${count} (${addresses.slice(0, SHOWN).join(', ')}${more})`
}
