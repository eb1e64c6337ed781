const MS_PER_S = 1_000

/** ms or s with as many digits as say something. */
export function timeLabel(ms: number): string {
  const [value, unit] = ms >= MS_PER_S ? [ms / MS_PER_S, 's'] : [ms, 'ms']
  return `${Number(value.toPrecision(3))} ${unit}`
}
