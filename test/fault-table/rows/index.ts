import type { Row } from '../row.js'
import { HTTP1_ROWS } from './http1.js'
import { SECURE_ROWS } from './secure.js'
import { rowsOf } from './spec.js'

/** The rows of the table, in its order. */
export const ROWS: readonly Row[] = [...HTTP1_ROWS, ...SECURE_ROWS].flatMap(rowsOf)
