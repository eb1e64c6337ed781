/** A connection's longest life is longer or shorter by up to this share, as gRPC's is. */
const JITTER = 0.1

/** The life of one connection, ms: connections that were opened together do not end together. */
export const jitteredAge = (maxAgeMs: number): number => maxAgeMs * (1 + JITTER * (2 * Math.random() - 1))
