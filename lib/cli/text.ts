/** YAML (or JSON, which is YAML) with line numbers. */
import { loadYaml } from '../runtime/lazy.js'

export interface Text {
  /** undefined where there are faults. */
  readonly value: unknown
  /** Syntax errors, each with its line and column. */
  readonly faults: readonly string[]
  /** The line, from 1, of the value at a path like `services.users.endpoints[1]`, or of what is nearest above it. */
  lineOf(path: string): number | undefined
}

/** One step of a path: `["a b"]`, `[1]` or `name`. */
const STEP = /\[("(?:[^"\\]|\\.)*")\]|\[(\d+)\]|([^.[\]]+)/g

export function parseText(source: string): Text {
  const { LineCounter, parseDocument } = loadYaml()
  const lines = new LineCounter()
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false })
  const faults = document.errors.map(({ pos, message }) => {
    const { line, col } = lines.linePos(pos[0])
    return `line ${line}, column ${col}: ${message}`
  })
  let value: unknown
  if (faults.length === 0) {
    try {
      value = document.toJS()
    } catch (error) {
      // Aliases that would unfold without end.
      faults.push((error as Error).message)
    }
  }
  const lineOf = (path: string): number | undefined => {
    for (let keys = stepsOf(path); keys.length > 0; keys = keys.slice(0, -1)) {
      const node = document.getIn(keys, true) as { range?: readonly number[] | null } | undefined
      if (node?.range) return lines.linePos(node.range[0]).line
    }
    return undefined
  }
  return { value, faults, lineOf }
}

function stepsOf(path: string): (string | number)[] {
  return [...path.matchAll(STEP)].map(([, quoted, index, name]) => {
    if (quoted !== undefined) return JSON.parse(quoted) as string
    return index !== undefined ? Number(index) : name
  })
}
