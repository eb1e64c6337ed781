/**
 * A log cut to its two ends: a compiler's first fault and a linker's last word.
 * @param {string} log
 */
export function excerpt(log, head = 20, tail = 30) {
  const lines = log.trimEnd().split('\n')
  if (lines.length <= head + tail) return lines.join('\n')
  return [...lines.slice(0, head), `... ${lines.length - head - tail} lines ...`, ...lines.slice(-tail)].join(
    '\n',
  )
}
