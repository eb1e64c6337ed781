import type { Sample } from './case.js'

/** What one worker thread of a case does in a slice, all threads at the same time. */
export interface ThreadWork {
  slice(input: unknown): Sample | Promise<Sample>
}

/** Exported by the module of a case that has threads. */
export type PrepareThread<Parameters> = (parameters: Parameters) => ThreadWork | Promise<ThreadWork>

/** Words of the gate through which all threads of a case begin a slice. */
export const GATE = { THREADS: 0, ARRIVED: 1, ROUND: 2, WORDS: 3 } as const

export interface ThreadData {
  readonly module: string
  readonly parameters: unknown
  readonly gate: Int32Array<SharedArrayBuffer>
}

/** Times in ns, on the clock that all threads share. */
export interface Done {
  readonly begun: number
  readonly ended: number
  readonly sample: Sample
}
