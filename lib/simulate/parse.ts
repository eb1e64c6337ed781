import { parseBalancerConfig } from '../configuration/parse.js'
import { TIERS } from '../engine/layout.js'
import { ConfigError } from '../errors.js'
import { Faults, join } from '../options/faults.js'
import { isRecord } from '../options/kinds.js'
import { copyPlain } from '../options/plain.js'
import { validate } from '../options/validate.js'
import { quoted } from '../options/words.js'
import { balancerConfig, singlesOf } from './balancers.js'
import { SERVICE } from './client.js'
import type { IncidentConfig, SimulatedEndpointConfig, SimulatedPolicy, SimulationConfig } from './config.js'
import { SERVICE_TIMES, SIMULATION } from './schema.js'

/** Endpoints of one simulation, as of one balancer in practice. */
const MAX_ENDPOINTS = 10_000
/** Of a sum of shares that were written in decimals. */
const ROUNDING = 1e-6

/**
 * A simulation's configuration, checked whole; a copy.
 * @throws ConfigError with every fault
 */
export function parseSimulation(input: unknown): SimulationConfig {
  const faults = new Faults()
  const value = copyPlain(input, '', faults)
  const isWell = validate(SIMULATION, value, '', faults) !== undefined
  // How fields go together can only be said of fields that are right by themselves.
  if (isWell) addFaults(value as SimulationConfig, faults)
  faults.throwIfAny()
  return value as SimulationConfig
}

function addFaults(config: SimulationConfig, faults: Faults): void {
  addLoadFaults(config, faults)
  const { serviceTime } = config
  if (isRecord(serviceTime) && Object.keys(serviceTime).length !== 1)
    faults.add('serviceTime', `must have exactly one of ${quoted(SERVICE_TIMES)}`)
  config.endpoints.forEach((endpoint, i) => {
    addEndpointFaults(endpoint, join('endpoints', i), faults)
  })
  if (singlesOf(config.endpoints).length > MAX_ENDPOINTS)
    faults.add('endpoints', `are more than ${MAX_ENDPOINTS} in all`)
  const { lateness } = config
  if (lateness !== undefined && lateness.forMs >= lateness.everyMs)
    faults.add(
      'lateness.forMs',
      'must be less than `everyMs`; an event loop that is always held does nothing',
    )
  addTierFaults(config, faults)
  if (config.deadline !== undefined && config.deadlineMs === undefined)
    faults.add('deadline', 'says how the deadline is known; there is no `deadlineMs`')
  addServiceFaults(config, faults)
}

function addTierFaults({ tiers }: SimulationConfig, faults: Faults): void {
  if (tiers === undefined) return
  if (tiers.length > TIERS) faults.add('tiers', `are ${tiers.length}; there are ${TIERS}`)
  const sum = tiers.reduce((total, share) => total + share, 0)
  if (Math.abs(sum - 1) > ROUNDING) faults.add('tiers', `sum up to ${Number(sum.toPrecision(6))}, not to 1`)
}

function addLoadFaults({ load, endpoints, requests, durationMs }: SimulationConfig, faults: Faults): void {
  const { rate, utilization, arrivals, ramp } = load
  const trace = isRecord(arrivals) ? (arrivals as { trace?: readonly number[] }).trace : undefined
  if (isRecord(arrivals) && Object.keys(arrivals).length !== 1)
    faults.add('load.arrivals', 'must have exactly one of `onOff`, `trace`')
  if (trace !== undefined) {
    const at = trace.findIndex((time, i) => i > 0 && time < trace[i - 1])
    if (at > 0)
      faults.add(join('load.arrivals.trace', at), 'is earlier than the one before; times must ascend')
    if (rate !== undefined || utilization !== undefined || ramp !== undefined)
      faults.add(
        'load',
        'has a trace, which says when requests arrive; leave out `rate`, `utilization` and `ramp`',
      )
    return
  }
  if (rate === undefined && utilization === undefined) faults.add('load', 'must have `rate` or `utilization`')
  if (rate !== undefined && utilization !== undefined)
    faults.add('load', 'has both `rate` and `utilization`; one follows from the other')
  const endless = endpoints.findIndex(({ workers }) => workers === 0)
  if (utilization !== undefined && endless >= 0)
    faults.add(
      'load.utilization',
      `is a share of the capacity, and endpoints[${endless}] has no limit of workers; use \`rate\``,
    )
  ramp?.forEach(({ atMs }, i) => {
    if (i > 0 && atMs < ramp[i - 1].atMs)
      faults.add(join(join('load.ramp', i), 'atMs'), 'is before the point before; points must ascend')
  })
  if (requests === undefined && durationMs === undefined)
    faults.add('requests', 'is missing; say how many requests, or give `durationMs`')
}

function addEndpointFaults(
  { incidents = [], antagonist }: SimulatedEndpointConfig,
  path: string,
  faults: Faults,
): void {
  incidents.forEach((incident, i) => {
    const fault = incidentFault(incident)
    if (fault !== undefined) faults.add(join(join(path, 'incidents'), i), fault)
  })
  if (antagonist === undefined) return
  const has = (key: string): boolean => Object.hasOwn(antagonist, key)
  const kinds = [has('load'), has('slowBy')].filter(Boolean).length
  const at = join(path, 'antagonist')
  if (kinds !== 1) faults.add(at, 'must have either `load` or `slowBy`')
  else if (has('slowBy') !== has('holdMs')) faults.add(at, '`slowBy` and `holdMs` belong together')
  else if (has('slowBy') && (has('onMs') || has('offMs'))) faults.add(at, '`onMs` and `offMs` go with `load`')
  else if (has('offMs') && !has('onMs')) faults.add(at, 'has `offMs` without `onMs`')
}

function incidentFault({
  fromMs,
  untilMs,
  everyMs,
  forMs,
  slowBy,
  fail,
  share,
  longPolls,
}: IncidentConfig): string | undefined {
  if (untilMs <= fromMs) return `ends at ${untilMs} ms, before it begins`
  if (slowBy === undefined && fail === undefined && longPolls === undefined)
    return 'must have `slowBy`, `fail` or `longPolls`'
  if ((everyMs === undefined) !== (forMs === undefined)) return '`everyMs` and `forMs` belong together'
  if (share !== undefined && fail !== 'status') return '`share` is for `fail: status` only'
  return undefined
}

/** Each policy with the service's options, as the balancer itself checks them. */
function addServiceFaults(config: SimulationConfig, faults: Faults): void {
  if (config.service !== undefined) {
    if (!isRecord(config.service)) return faults.add('service', 'must be an object of options of a service')
    for (const key of ['endpoints', 'policy'])
      if (Object.hasOwn(config.service, key))
        faults.add(join('service', key), `stands outside, under \`${key === 'policy' ? 'policies' : key}\``)
  }
  const policies: readonly (SimulatedPolicy | undefined)[] = config.policies ?? [undefined]
  policies.forEach((policy, i) => {
    try {
      parseBalancerConfig(balancerConfig(config, policy, 1))
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      for (const { path, message } of error.faults) faults.add(pathHere(path, i, config), message)
    }
  })
}

/** Where a fault of a balancer's configuration is in the simulation's, which names endpoints that are alike once. */
function pathHere(path: string, policy: number, { endpoints }: SimulationConfig): string {
  const rest = path.slice(`services.${SERVICE}`.length)
  if (rest.startsWith('.policy')) return join('policies', policy) + rest.slice('.policy'.length)
  const [, index, field] = /^\.endpoints\[(\d+)\](.*)$/.exec(rest) ?? []
  if (index === undefined) return `service${rest}`
  const owners = endpoints.flatMap(({ count = 1 }, i) => Array.from({ length: count }, () => i))
  return join('endpoints', owners[Number(index)]) + field
}
