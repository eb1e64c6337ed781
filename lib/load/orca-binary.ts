import type { LoadReport } from '../model/index.js'

/** Field numbers of xds.data.orca.v3.OrcaLoadReport. */
const FIELD = { CPU: 1, RPS_FRACTIONAL: 6, EPS: 7, NAMED: 8, APPLICATION: 9 } as const
const WIRE = { VARINT: 0, FIXED64: 1, LENGTH: 2, FIXED32: 5 } as const

/** An OrcaLoadReport in protocol buffer encoding. Throws a RangeError where the bytes end too early or are none. */
export function decodeOrca(bytes: Buffer): LoadReport {
  const report: Required<LoadReport> = {
    cpuUtilization: 0,
    applicationUtilization: 0,
    rps: 0,
    eps: 0,
    named: {},
  }
  const named: Record<string, number> = Object.create(null)
  for (const { field, wire, data } of fieldsOf(bytes)) {
    if (wire === WIRE.FIXED64) {
      const value = data.readDoubleLE()
      if (field === FIELD.CPU) report.cpuUtilization = value
      else if (field === FIELD.APPLICATION) report.applicationUtilization = value
      else if (field === FIELD.RPS_FRACTIONAL) report.rps = value
      else if (field === FIELD.EPS) report.eps = value
    } else if (wire === WIRE.LENGTH && field === FIELD.NAMED) {
      const [name, value] = entryOf(data)
      named[name] = value
    }
  }
  return { ...report, named }
}

/** One entry of a map<string, double>. */
function entryOf(bytes: Buffer): [string, number] {
  let name = ''
  let value = 0
  for (const { field, wire, data } of fieldsOf(bytes)) {
    if (field === 1 && wire === WIRE.LENGTH) name = data.toString('utf8')
    else if (field === 2 && wire === WIRE.FIXED64) value = data.readDoubleLE()
  }
  return [name, value]
}

function* fieldsOf(bytes: Buffer): Generator<{ field: number; wire: number; data: Buffer }> {
  let at = 0
  const varint = (): number => {
    for (let value = 0, scale = 1; ; scale *= 128) {
      const byte = bytes.readUInt8(at++)
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const tag = varint()
    const wire = tag % 8
    const field = Math.floor(tag / 8)
    let size = 0
    if (wire === WIRE.VARINT) varint()
    else if (wire === WIRE.FIXED64) size = 8
    else if (wire === WIRE.FIXED32) size = 4
    else if (wire === WIRE.LENGTH) size = varint()
    else throw new RangeError(`wire type ${wire}`)
    if (at + size > bytes.length) throw new RangeError('the message ends too early')
    yield { field, wire, data: bytes.subarray(at, at + size) }
    at += size
  }
}
