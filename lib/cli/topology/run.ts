/** Asks the sources of a configuration, and shows what they give: once, or on and on. */
import { Balancer } from '../../clients/balancer.js'
import type { ServiceConfig } from '../../model/index.js'
import { quoted } from '../../options/words.js'
import { balancerConfigOf } from '../balancer-file.js'
import { readConfigFile } from '../config-file.js'
import { EXIT } from '../report.js'
import { dot } from './dot.js'
import { toJson, topologyOf } from './facts.js'
import { tables } from './table.js'

export interface TopologyOptions {
  readonly config: string
  readonly service?: string
  readonly watch?: boolean
  readonly json?: boolean
  readonly dot?: boolean
}

/** Ages are shown in seconds. */
const REDRAW_MS = 1_000

/** Throws where it cannot begin. */
export async function runTopology(file: string, options: TopologyOptions): Promise<void> {
  const { services } = readConfigFile(file, balancerConfigOf)
  const { service } = options
  const names = service === undefined ? Object.keys(services) : [service]
  if (service !== undefined && !Object.hasOwn(services, service))
    throw new Error(`${file} has no service "${service}"; it has ${quoted(Object.keys(services))}`)
  const balancer = new Balancer({
    services: Object.fromEntries(names.map((name) => [name, withoutChecks(services[name])])),
  })
  await balancer.start()
  try {
    if (options.watch) await watch(balancer, names, options)
    else once(balancer, names, options)
  } finally {
    await balancer.stop({ drainMs: 0 })
  }
}

const withoutChecks = ({ endpoints, source }: ServiceConfig): ServiceConfig =>
  source === undefined ? { endpoints: endpoints ?? [] } : { endpoints: endpoints ?? [], source }

function once(balancer: Balancer, names: readonly string[], options: TopologyOptions): void {
  const topology = topologyOf(balancer, names)
  process.stdout.write(textOf(balancer, names, options))
  const failed = [...topology.values()].some(({ sources }) =>
    sources.some(({ error }) => error !== undefined),
  )
  if (failed) process.exitCode = EXIT.FAILED
}

function textOf(
  balancer: Balancer,
  names: readonly string[],
  { json, dot: asDot, watch }: TopologyOptions,
): string {
  const topology = topologyOf(balancer, names)
  if (json) return `${JSON.stringify(toJson(topology), null, watch ? undefined : 2)}\n`
  return asDot ? dot(topology) : tables(topology)
}

/** Until a signal. In a terminal one picture, drawn over and over; else each change. */
async function watch(balancer: Balancer, names: readonly string[], options: TopologyOptions): Promise<void> {
  const isPicture = process.stdout.isTTY && !options.json && !options.dot
  const logUpdate = isPicture ? (await import('log-update')).default : undefined
  const show = (): void => {
    const text = textOf(balancer, names, options)
    if (logUpdate === undefined) process.stdout.write(text)
    else logUpdate(text)
  }
  show()
  balancer.on('source', show)
  balancer.on('config', show)
  const redraw = logUpdate === undefined ? undefined : setInterval(show, REDRAW_MS)
  // Nothing else keeps the process: sources never do.
  const alive = setInterval(() => {}, REDRAW_MS)
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  clearInterval(redraw)
  clearInterval(alive)
  logUpdate?.done()
}
