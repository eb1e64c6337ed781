/** What goes wrong with etcd, told apart by what is to be done. */

/** A server refused what it was asked; another one would, too. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError'
  /** The number that gRPC has for it; undefined where the answer has none. */
  readonly grpcCode: number | undefined

  constructor(message: string, grpcCode: number | undefined) {
    super(message)
    this.grpcCode = grpcCode
  }
}

/** The token is not taken, or not any more. */
export class TokenError extends RefusedError {}

/** The changes since that revision are not kept any more: a new list is needed, and nothing is wrong. */
export class CompactedError extends Error {
  override readonly name = 'CompactedError'
}

/** Codes of gRPC (google.rpc.Code). */
export const GRPC = {
  invalidArgument: 3,
  notFound: 5,
  permissionDenied: 7,
  failedPrecondition: 9,
  outOfRange: 11,
  unauthenticated: 16,
} as const

/** An answer has more bytes than are taken. */
export class TooLongError extends RefusedError {}
