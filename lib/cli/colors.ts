/** Colours for a terminal, and where they are asked for (`FORCE_COLOR`). Nowhere else: what is piped is read by programs, on build servers too. */
import picocolors from 'picocolors'

const { FORCE_COLOR } = process.env
const isWanted =
  process.stdout.isTTY || (FORCE_COLOR !== undefined && FORCE_COLOR !== '0' && FORCE_COLOR !== '')

export const colors = picocolors.createColors(isWanted && picocolors.isColorSupported)
