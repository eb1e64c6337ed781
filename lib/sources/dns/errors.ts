/** Why a lookup gave no records. */

export type DnsErrorCode =
  /** The name does not exist. */
  | 'NXDOMAIN'
  /** The name exists, and has no record of the type. */
  | 'NODATA'
  | 'SERVFAIL'
  | 'REFUSED'
  | 'FORMERR'
  /** The server did not answer in time. */
  | 'TIMEOUT'
  /** Nothing listens there, or there is no way to it. */
  | 'UNREACHABLE'
  /** The answer breaks the format, or is more than can be taken. */
  | 'MALFORMED'

const WHAT_TO_CHECK: Record<DnsErrorCode, string> = {
  NXDOMAIN: 'check the spelling of the name, and the search domains',
  NODATA: 'check that the zone has records of this type under this name',
  SERVFAIL: "check the server's log, and that it reaches the servers it asks itself",
  REFUSED: 'check that this machine may ask the server, and that the server looks names up for its clients',
  FORMERR: 'check that the server is a DNS server',
  TIMEOUT: 'check that the server is up, and that no firewall stops UDP and TCP on its port',
  UNREACHABLE: "check the server's address and port, and that it is up",
  MALFORMED: 'check that the server is a DNS server, and what it has under this name',
}

/** A lookup failed. Branch on `code`, never on the message. */
export class DnsError extends Error {
  override readonly name = 'DnsError'
  readonly code: DnsErrorCode
  /** The name that was looked up. */
  readonly hostname: string
  readonly type: string
  /** For how long it holds that there are no records, ms; 0 where that is not said. */
  readonly negativeTtlMs: number

  /** @param said what went wrong and who said so */
  constructor(code: DnsErrorCode, hostname: string, type: string, said: string, negativeTtlMs = 0) {
    super(`DNS lookup of "${hostname}" (${type}) failed: ${said}; ${WHAT_TO_CHECK[code]}`)
    this.code = code
    this.hostname = hostname
    this.type = type
    this.negativeTtlMs = negativeTtlMs
  }
}

/** What one server did instead of answering the question: the next server is asked. */
export class ServerFault extends Error {
  override readonly name = 'ServerFault'
  readonly code: DnsErrorCode

  /** @param did goes on from the server's name, like `answered SERVFAIL` */
  constructor(code: DnsErrorCode, did: string) {
    super(did)
    this.code = code
  }
}

export const malformed = (what: string): ServerFault =>
  new ServerFault('MALFORMED', `gave an answer that ${what}`)
