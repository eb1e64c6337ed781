/** The task of piscina-case.ts. */
import { numberOf } from './carrier/carrier.js'

export default (request: Uint8Array): number => numberOf(request)
