import type { Endpoint } from '../model/index.js'

export interface Node {
  readonly slot: number
  readonly endpoint: Endpoint
}
