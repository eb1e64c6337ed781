import type { Faults } from '../endpoint/fault.js'
import { ANSWER_FAULTS } from './answers.js'
import { CONNECTION_FAULTS } from './connections.js'
import { HTTP2_FAULTS } from './http2.js'
import { STATUS_FAULTS } from './statuses.js'
import { TLS_FAULTS } from './tls.js'

/** The faults that an endpoint's own process makes. */
export const FAULTS: Faults = {
  ...CONNECTION_FAULTS,
  ...ANSWER_FAULTS,
  ...STATUS_FAULTS,
  ...TLS_FAULTS,
  ...HTTP2_FAULTS,
}
