/** One shape of overload, for several subjects side by side, each with endpoints of its own. */
import { cpus } from 'node:os'
import type { Sample } from '../harness/case.js'
import { CaseProcess } from '../harness/case-process.js'
import { withCases } from '../harness/interleave.js'
import type { EngineKind } from '../harness/result.js'
import type { Parameters as ClientParameters, Input } from './client.js'
import type { Parameters as EndpointParameters } from './endpoints.js'
import type { Subject } from './subjects.js'

export interface Contender {
  readonly name: string
  readonly subject: Subject
  readonly engine?: EngineKind
}

export interface Shape {
  readonly endpoints: number
  readonly workers: number
  readonly service: 'fixed' | 'exponential'
  readonly meanMs: number
  /** Offered, in multiples of what the endpoints can serve. */
  readonly load: number
  readonly deadlineMs: number
  readonly known: boolean
  readonly noticesAborts: boolean
}

const MS_PER_S = 1e3

/** Requests a second that the endpoints can serve. */
export const capacityOf = ({ endpoints, workers }: Shape, meanMs: number): number =>
  (endpoints * workers * MS_PER_S) / meanMs

/**
 * Figures by name of the contender; `goodput` is a share of what the endpoints could serve, by the service times that were drawn; `busy` of the
 * machine's processors while they ran.
 */
export async function runShape(
  shape: Shape,
  contenders: readonly Contender[],
  timing: Pick<Input, 'ms' | 'warmUpMs' | 'seed' | 'tiers'>,
): Promise<Map<string, Sample>> {
  const { endpoints, workers, service, meanMs, noticesAborts } = shape
  const servers = contenders.map(({ name }) => () => {
    const parameters: EndpointParameters = { endpoints, workers, service, meanMs, noticesAborts }
    const module = new URL('./endpoints.js', import.meta.url)
    return CaseProcess.start(`endpoints of ${name}`, { module, parameters })
  })
  return withCases(servers, (served) => {
    const clients = contenders.map(({ name, subject, engine }, i) => () => {
      const ports = Array.from({ length: endpoints }, (_, port) => served[i].ready[`port${port}`])
      const parameters: ClientParameters = {
        subject,
        ports,
        known: shape.known,
        deadlineMs: shape.deadlineMs,
      }
      const module = new URL('./client.js', import.meta.url)
      return CaseProcess.start(name, { module, parameters, engine })
    })
    return withCases(clients, async (cases) => {
      const capacity = capacityOf(shape, meanMs)
      const input: Input = { ...timing, perSecond: shape.load * capacity, calmPerSecond: capacity / 2 }
      const before = cpuTimes()
      const samples = await Promise.all(cases.map((one) => one.slice(input)))
      const busy = busyShare(before, cpuTimes())
      const drawn = await Promise.all(served.map((one) => one.slice()))
      return new Map(
        cases.map(({ name }, i) => {
          const goodput = samples[i]['goodPerSecond'] / capacityOf(shape, drawn[i]['meanMs'])
          return [name, { ...samples[i], goodput, busy }]
        }),
      )
    })
  })
}

interface CpuTimes {
  readonly idle: number
  readonly all: number
}

/** Of all processors since the machine was started, ms. */
function cpuTimes(): CpuTimes {
  const times = cpus().map((cpu) => cpu.times)
  const sum = (ofOne: (one: (typeof times)[number]) => number): number =>
    times.reduce((total, one) => total + ofOne(one), 0)
  return { idle: sum(({ idle }) => idle), all: sum((one) => Object.values(one).reduce((a, b) => a + b, 0)) }
}

const busyShare = (from: CpuTimes, to: CpuTimes): number =>
  1 - (to.idle - from.idle) / Math.max(1, to.all - from.all)
