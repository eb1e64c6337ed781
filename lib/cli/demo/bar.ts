import { colors } from '../colors.js'

/** Both clients beside each other fit into 80 columns. */
const BAR_CELLS = 10

/** @param share 0 to 1; what is above is not drawn */
export function bar(share: number): string {
  const cells = Math.min(BAR_CELLS, Math.round(share * BAR_CELLS))
  return colors.cyan('#'.repeat(cells)) + colors.dim('.'.repeat(BAR_CELLS - cells))
}
