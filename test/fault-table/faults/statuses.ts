/** Answers that are whole, and say no. */
import type { Exchange } from '../endpoint/exchange.js'
import { type Fault, type Faults, onRequest } from '../endpoint/fault.js'
import { ANSWER_FAULTS } from './answers.js'

const RETRY_AFTER_S = '2'

const status = (code: number, headers?: Record<string, string>): Fault =>
  onRequest((exchange) => exchange.answer(code, headers, `{"status":${code}}`))

const STATUS_FAULTS_ALONE: Faults = {
  'status-500': status(500),
  'status-502': status(502),
  'status-503': status(503),
  'status-503-retry-after': status(503, { 'retry-after': RETRY_AFTER_S }),
  'status-504': status(504),
  'status-429': status(429),
  'status-429-retry-after': status(429, { 'retry-after': RETRY_AFTER_S }),
}

/** Of each, one request in ten; the other four are answered. */
const MIXED: readonly Fault[] = [
  ANSWER_FAULTS['reset-after-request'],
  ANSWER_FAULTS['close-after-request'],
  ANSWER_FAULTS['garbage'],
  ANSWER_FAULTS['close-in-body'],
  STATUS_FAULTS_ALONE['status-500'],
  STATUS_FAULTS_ALONE['status-503'],
]
const MIXED_OF = 10

function mixed(exchange: Exchange, endpoint: Parameters<NonNullable<Fault['request']>>[1]): void {
  const fault = MIXED[Math.floor(Math.random() * MIXED_OF)]
  if (fault === undefined) exchange.answer()
  else fault.request?.(exchange, endpoint)
}

export const STATUS_FAULTS: Faults = { ...STATUS_FAULTS_ALONE, mixed: onRequest(mixed) }
