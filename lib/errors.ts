import type { RequestFailure } from './model/index.js'

/** The stable codes of every error that fairlead throws; `docs/errors.md` explains each. */
export type FairleadErrorCode =
  | 'FAIRLEAD_CONFIG'
  | 'FAIRLEAD_NO_ENDPOINT'
  | 'FAIRLEAD_OVERLOADED'
  | 'FAIRLEAD_DEADLINE'
  | 'FAIRLEAD_UNKNOWN_SERVICE'
  | 'FAIRLEAD_UNKNOWN_ENDPOINT'
  | 'FAIRLEAD_STOPPED'
  | 'FAIRLEAD_HANDLE'
  | 'FAIRLEAD_ENGINE'
  | 'FAIRLEAD_ARGUMENT'
  | 'FAIRLEAD_CLOSED'
  | 'FAIRLEAD_POLICY'
  | 'FAIRLEAD_SCHEME'
  | 'FAIRLEAD_MISSING_PACKAGE'
  | 'FAIRLEAD_REGISTRATION'
  | 'FAIRLEAD_ENDPOINT_TAKEN'

/** Base class of all errors that fairlead throws. Branch on `code`, never on the message. */
export class FairleadError extends Error {
  override readonly name: string = 'FairleadError'
  readonly code: FairleadErrorCode
  /** Of a request's error: its service, and the endpoints that were tried. */
  declare readonly fairlead?: RequestFailure

  constructor(code: FairleadErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** One fault of a configuration: where it is, and what would be right. */
export interface ConfigFault {
  /** Dotted path from the root of the configuration, e.g. `services.users.endpoints[1].weight`. */
  readonly path: string
  readonly message: string
}

/** A configuration was refused as a whole. `faults` lists every bad path at once; nothing was changed. */
export class ConfigError extends FairleadError {
  override readonly name = 'ConfigError'
  readonly faults: readonly ConfigFault[]

  constructor(faults: readonly ConfigFault[]) {
    const lines = faults.map((fault) => `  ${fault.path || '(root)'}: ${fault.message}`)
    super(
      'FAIRLEAD_CONFIG',
      `The configuration has ${faults.length} fault${faults.length === 1 ? '' : 's'}:\n${lines.join('\n')}`,
    )
    this.faults = faults
  }
}

/** No endpoint of the service may take the request now. Thrown at once, without waiting. */
export class NoEndpointError extends FairleadError {
  override readonly name = 'NoEndpointError'
  readonly service: string

  constructor(service: string, why: string) {
    super('FAIRLEAD_NO_ENDPOINT', `No endpoint of service "${service}" can take this request: ${why}`)
    this.service = service
  }
}

/** Every usable endpoint is at its limit of requests in flight. */
export class OverloadedError extends FairleadError {
  override readonly name = 'OverloadedError'
  readonly service: string

  /** When it is likely to be worth another try, in ms: an estimate from the requests that wait and in flight. */
  readonly retryAfterMs: number

  constructor(service: string, why: string, retryAfterMs: number) {
    super('FAIRLEAD_OVERLOADED', `Service "${service}" is overloaded: ${why}`)
    this.service = service
    this.retryAfterMs = retryAfterMs
  }
}

/** The request asks for TLS (`https:`, `wss:`), and would have gone to an `http:` endpoint in clear text. Nothing was sent. */
export class SchemeError extends FairleadError {
  override readonly name = 'SchemeError'
  readonly service: string
  /** Ids of the `http:` endpoints that stood to choose from. */
  readonly endpoints: readonly string[]

  constructor(service: string, endpoints: readonly string[], origin: string) {
    const some = endpoints.slice(0, 10).join(', ') + (endpoints.length > 10 ? ', ...' : '')
    super(
      'FAIRLEAD_SCHEME',
      `A request for ${origin} asks for TLS, and service "${service}" could send it in clear text only, to ${some}: ` +
        `ask for "http://${service}", give the endpoints https: URLs, or set \`client.allowPlaintext\` of the service`,
    )
    this.service = service
    this.endpoints = endpoints
  }
}

/** A time limit of fairlead's own (per-try time-out) ran out before an answer came. */
export class DeadlineError extends FairleadError {
  override readonly name = 'DeadlineError'

  constructor(message: string) {
    super('FAIRLEAD_DEADLINE', message)
  }
}

/** The name is not a configured service; the message lists those that are. */
export class UnknownServiceError extends FairleadError {
  override readonly name = 'UnknownServiceError'

  constructor(name: string, known: readonly string[]) {
    const list =
      known.length === 0
        ? 'none is configured'
        : `known services: ${known.slice(0, 20).join(', ')}${known.length > 20 ? ', ...' : ''}`
    super('FAIRLEAD_UNKNOWN_SERVICE', `"${name}" is not a service of this balancer; ${list}`)
  }
}

/** The id is not an endpoint of the service. */
export class UnknownEndpointError extends FairleadError {
  override readonly name = 'UnknownEndpointError'

  constructor(service: string, id: string, known: readonly string[]) {
    super(
      'FAIRLEAD_UNKNOWN_ENDPOINT',
      `"${id}" is not an endpoint of service "${service}"; known endpoints: ${known.slice(0, 20).join(', ') || 'none'}${known.length > 20 ? ', ...' : ''}`,
    )
  }
}

/** The balancer was stopped and takes no new request. */
export class StoppedError extends FairleadError {
  override readonly name = 'StoppedError'

  constructor() {
    super('FAIRLEAD_STOPPED', 'This balancer was stopped; it takes no new requests')
  }
}

/** A handle is not fairlead's, or is of another layout version or engine. */
export class HandleError extends FairleadError {
  override readonly name = 'HandleError'

  constructor(message: string) {
    super('FAIRLEAD_HANDLE', message)
  }
}

/** The engine that was demanded cannot be had; `cause` is the reason. */
export class EngineError extends FairleadError {
  override readonly name = 'EngineError'

  constructor(message: string, options?: ErrorOptions) {
    super('FAIRLEAD_ENGINE', message, options)
  }
}

/** An argument of a call is out of its range or of the wrong type. */
export class ArgumentError extends FairleadError {
  override readonly name = 'ArgumentError'

  constructor(message: string) {
    super('FAIRLEAD_ARGUMENT', message)
  }
}

/** The queue was closed and takes no new item. */
export class ClosedError extends FairleadError {
  override readonly name = 'ClosedError'

  constructor(what: string) {
    super('FAIRLEAD_CLOSED', `${what} is closed; it takes no new item`)
  }
}

/** A policy of the user's own threw, or chose what is not one of the endpoints it was given, or is not defined in this thread. No place was taken. */
export class PolicyError extends FairleadError {
  override readonly name = 'PolicyError'
  readonly policy: string

  constructor(policy: string, what: string, right: string, options?: ErrorOptions) {
    super('FAIRLEAD_POLICY', `Policy "${policy}" ${what}; ${right}`, options)
    this.policy = policy
  }
}

/** What was called takes a package that does not come with fairlead, and it cannot be loaded; `cause` is the reason. */
export class MissingPackageError extends FairleadError {
  override readonly name = 'MissingPackageError'
  /** Name of the package. */
  readonly package: string

  constructor(name: string, use: string, range: string, options?: ErrorOptions) {
    super(
      'FAIRLEAD_MISSING_PACKAGE',
      `${use} takes the package "${name}", which is not installed here or cannot be loaded: npm install ${name}@${range}`,
      options,
    )
    this.package = name
  }
}

/** An endpoint could not be registered, or its registration not be changed; `cause` is what etcd said last, or what it was that did not answer. */
export class RegistrationError extends FairleadError {
  override readonly name = 'RegistrationError'
  readonly service: string

  constructor(service: string, why: string, options?: ErrorOptions) {
    super('FAIRLEAD_REGISTRATION', `The endpoint of service "${service}" ${why}`, options)
    this.service = service
  }
}

/** The id is taken: under its key another endpoint is registered, with another URL. Nothing was changed. */
export class EndpointTakenError extends FairleadError {
  override readonly name = 'EndpointTakenError'
  readonly service: string
  /** Id of the endpoint. */
  readonly endpoint: string

  constructor(service: string, endpoint: string, key: string, url: string | undefined) {
    super(
      'FAIRLEAD_ENDPOINT_TAKEN',
      `The endpoint "${endpoint}" of service "${service}" is registered already, as ${url ?? 'something without a URL'} (key ${key} of etcd): ` +
        'give this one another `id`, or delete the key where nobody needs it',
    )
    this.service = service
    this.endpoint = endpoint
  }
}
