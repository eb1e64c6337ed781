/**
 * Load reports in response headers: `endpoint-load-metrics`, as text, JSON or base64 of the protocol buffer, and
 * `endpoint-load-metrics-bin` (ORCA, xds.data.orca.v3.OrcaLoadReport; the formats are Envoy's).
 */
import type { LoadReport } from '../model/index.js'
import { decodeOrca } from './orca-binary.js'

const HEADER = 'endpoint-load-metrics'
const BINARY_HEADER = 'endpoint-load-metrics-bin'
/** A report longer than this is none. */
const MAX_CHARS = 8_192
const NAMED = 'named_metrics.'

/** The report in raw header pairs, names in any case; undefined where there is none that can be read. */
export function loadReportOf(raw: readonly (Buffer | Buffer[] | string)[]): LoadReport | undefined {
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]
    // Most headers are told apart by their length, without making a text of each.
    if (name.length !== HEADER.length && name.length !== BINARY_HEADER.length) continue
    const lower = textOf(name).toLowerCase()
    if (lower === HEADER) return parseLoadReport(textOf(raw[i + 1]))
    if (lower === BINARY_HEADER) return parseLoadReport(`BIN ${textOf(raw[i + 1])}`)
  }
  return undefined
}

const textOf = (value: Buffer | Buffer[] | string): string =>
  typeof value === 'string'
    ? value
    : Array.isArray(value)
      ? value[0].toString('latin1')
      : value.toString('latin1')

/** One header's value. Without a format's name it is JSON where it begins with a brace, else text. */
export function parseLoadReport(value: string): LoadReport | undefined {
  if (value.length > MAX_CHARS) return undefined
  const [, format = '', rest] = /^(?:(TEXT|JSON|BIN)\s+)?([\s\S]*)$/.exec(value.trim()) as RegExpExecArray
  try {
    if (format === 'BIN') return decodeOrca(Buffer.from(rest, 'base64'))
    if (format === 'JSON' || (format === '' && rest.startsWith('{'))) return fromJson(JSON.parse(rest))
    return fromText(rest)
  } catch {
    // Whatever an endpoint sends, a request must not fail of it: no report.
    return undefined
  }
}

/** `cpu_utilization=0.3,rps_fractional=120,named_metrics.rif=4` */
function fromText(text: string): LoadReport | undefined {
  const fields = new Map<string, number>()
  for (const pair of text.split(',')) {
    const at = pair.search(/[=:]/)
    const value = at < 0 ? Number.NaN : Number(pair.slice(at + 1))
    if (!Number.isFinite(value)) return undefined
    fields.set(pair.slice(0, at).trim(), value)
  }
  return reportFrom(fields)
}

function fromJson(value: unknown): LoadReport | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const fields = new Map<string, number>()
  for (const [key, item] of Object.entries(value)) {
    if (typeof item === 'number') fields.set(key, item)
    else if (key === 'named_metrics' || key === 'namedMetrics')
      for (const [name, metric] of Object.entries(item ?? {})) fields.set(NAMED + name, Number(metric))
  }
  return reportFrom(fields)
}

function reportFrom(fields: ReadonlyMap<string, number>): LoadReport {
  const read = (snake: string, camel: string): number => fields.get(snake) ?? fields.get(camel) ?? 0
  const named: Record<string, number> = Object.create(null)
  for (const [key, value] of fields) if (key.startsWith(NAMED)) named[key.slice(NAMED.length)] = value
  return {
    cpuUtilization: read('cpu_utilization', 'cpuUtilization'),
    applicationUtilization: read('application_utilization', 'applicationUtilization'),
    rps: read('rps_fractional', 'rpsFractional'),
    eps: read('eps', 'eps'),
    named,
  }
}
