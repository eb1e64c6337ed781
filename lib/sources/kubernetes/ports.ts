/** The port of an EndpointSlice that requests go to. */
import { isRecord } from '../../options/kinds.js'

const MAX_PORT = 65_535

interface SlicePort {
  /** Empty where the service has a single port without a name. */
  readonly name: string
  /** undefined: the slice does not say. */
  readonly number: number | undefined
}

export interface PortChoice {
  /** undefined: the slice has no such port. */
  readonly port: number | undefined
  /** What ports it has, in words. */
  readonly words: string
}

/**
 * The only port, else the one called `http`, unless `wanted` says which by its name or number. Ports of UDP and SCTP do not
 * count. Throws where the list is malformed.
 * @param ports `ports` of the slice; null is how the API writes an empty list
 */
export function choosePort(ports: unknown, wanted: string | number | undefined): PortChoice {
  if (ports !== undefined && ports !== null && !Array.isArray(ports))
    throw new Error('its ports are no array')
  const all = ((ports ?? []) as unknown[]).filter(isTcp).map(readPort)
  return { port: find(all, wanted), words: all.map(wordsOf).join(', ') || 'none' }
}

function find(ports: readonly SlicePort[], wanted: string | number | undefined): number | undefined {
  // A headless service may have none, and a port may be without a number: all are open then.
  const isOpen = ports.length === 0 || ports.some(({ number }) => number === undefined || number === wanted)
  if (typeof wanted === 'number') return isOpen ? wanted : undefined
  if (wanted === undefined && ports.length === 1) return ports[0].number
  return ports.find(({ name }) => name === (wanted ?? 'http'))?.number
}

/** TCP is the default of the API. */
const isTcp = (port: unknown): boolean => !isRecord(port) || (port.protocol ?? 'TCP') === 'TCP'

function readPort(value: unknown, index: number): SlicePort {
  if (!isRecord(value)) throw new Error(`its port ${index + 1} is no object`)
  const { name, port } = value
  if (port !== undefined && port !== null && !isPort(port))
    throw new Error(`its port ${index + 1} is ${JSON.stringify(port)?.slice(0, 40)}, not 1 to ${MAX_PORT}`)
  return { name: typeof name === 'string' ? name : '', number: port ?? undefined }
}

const isPort = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_PORT

const wordsOf = ({ name, number }: SlicePort): string => `${name || '(no name)'} ${number ?? '(no number)'}`
