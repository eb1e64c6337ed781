/** Figures of one slice, by name. Infinity stands for what did not happen. */
export type Sample = Record<string, number>

/**
 * What runs in a child process: one case. Its module exports `prepare`, which sets it up from plain data; then each
 * `slice` measures a short while and returns what it saw.
 */
export interface Case {
  /** What the parent learns when the case is set up: the ports of a server. */
  readonly ready?: Sample
  slice(input: unknown): Sample | Promise<Sample>
  close?(): void | Promise<void>
}

export type Prepare<Parameters> = (parameters: Parameters) => Case | Promise<Case>

/** From the parent: measure a slice, or end. */
export type Order = { readonly slice: unknown } | { readonly close: true }
/** From the child, one a order; the first one says that the case is set up. */
export type Answer = { readonly sample: Sample } | { readonly error: string }
