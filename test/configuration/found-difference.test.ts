/**
 * What a source finds goes to other threads by its difference from before. Here over random changes: the thread that makes them, one
 * that has taken over each of them, and one that has read the whole must agree on every endpoint, its order and its slot.
 */
import { describe, expect, it } from 'vitest'
import { decodeChange, encodeChange } from '../../lib/configuration/change.js'
import { Configuration, type Plan } from '../../lib/configuration/configuration.js'
import type { ConfiguredService } from '../../lib/configuration/configured-service.js'
import { ListCheck } from '../../lib/configuration/list-check.js'
import { parseBalancerConfig, parseEndpoint, parseRule } from '../../lib/configuration/parse.js'
import type { Endpoint } from '../../lib/model/index.js'
import { keyOf } from '../../lib/sources/found.js'
import type { Member } from '../../lib/topology/member.js'
import { RetiredSlots } from '../../lib/topology/retired-slots.js'
import { seeded } from '../support/seeded.mjs'
import { manualState } from '../support/state.js'

interface Raw {
  url: string
  id?: string
  weight?: number
  metadata?: Record<string, unknown>
}

const STEPS = 150
const MOST = 30
const REUSED = 20
const SOURCES = ['a', 'b'].map((path) => ({ file: { path } }))

/** One balancer, as several threads have it. */
class Scene {
  readonly state = manualState()
  readonly maker = this.#thread()
  readonly reader = this.#thread()
  readonly checks = SOURCES.map(({ file }) => new ListCheck(`file ${file.path}`))
  readonly kinds: Record<string, number> = {}
  #version = 0

  constructor() {
    this.update([])
  }

  #thread() {
    const bySlot: (Member | undefined)[] = []
    const retired = new RetiredSlots(this.state, bySlot, () => true)
    return { configuration: new Configuration({ state: this.state, bySlot, retired }), retired }
  }

  publish(plan: Plan): void {
    this.#version++
    const { kind } = plan.change
    this.kinds[kind] = (this.kinds[kind] ?? 0) + 1
    const record = encodeChange(plan.change)
    this.maker.configuration.keep(plan)
    for (const one of this.maker.configuration.adopt(plan.change, this.#version))
      if (one.kind === 'opened') this.made = one.service
    for (const one of this.reader.configuration.adoptRead(
      decodeChange(record, this.state.room),
      this.#version,
    ))
      if (one.kind === 'opened') this.read = one.service
    this.maker.retired.sweep()
    this.reader.retired.sweep()
  }

  made: ConfiguredService | undefined
  read: ConfiguredService | undefined

  get service(): ConfiguredService {
    return this.made as ConfiguredService
  }

  update(endpoints: readonly Raw[], rules: readonly object[] = []): void {
    const config = { services: { users: { endpoints, source: SOURCES } } }
    const { services } = parseBalancerConfig(config)
    const parsed = rules.map((rule) => parseRule(rule, 'rule'))
    this.publish(this.maker.configuration.plan(services, parsed))
  }

  found(source: number, list: readonly unknown[]): void {
    const { sources, found } = this.service.base
    const key = keyOf(sources[source])
    const before = found.find((one) => one.key === key)?.endpoints ?? []
    const steps = this.checks[source].check(list, before)
    let step = steps.next()
    while (!step.done) step = steps.next()
    this.publish({ ...this.service.planFound({ key, endpoints: step.value }), services: [] })
  }

  /** A thread that reads the whole now. */
  get late(): ConfiguredService {
    const thread = this.#thread()
    const record = encodeChange(this.maker.configuration.whole)
    for (const one of thread.configuration.adoptRead(decodeChange(record, this.state.room), this.#version))
      if (one.kind === 'opened') return one.service
    throw new Error('it has no service')
  }
}

const shown = ({ members, base }: ConfiguredService) => ({
  members: members.map(({ endpoint, slot, generation }) => [endpoint, slot, generation]),
  given: base.given,
  found: base.found,
})

/** The rule of docs/topology.md: what is listed, then source by source; where two are one the first counts. */
function merged(lists: readonly (readonly Raw[])[]): Raw[] {
  const all: Raw[] = []
  for (const raw of lists.flat())
    if (!all.some((one) => one.url === raw.url || (one.id ?? one.url) === (raw.id ?? raw.url))) all.push(raw)
  return all
}

const idOf = ({ id, url }: Raw): string => id ?? url

/** Another list, a few steps from this one: none of its endpoints twice. */
function another(list: readonly Raw[], below: (n: number) => number, serial: () => number): Raw[] {
  const next = [...list]
  for (let i = below(4); i >= 0; i--) {
    const at = below(next.length + 1)
    const one = next[at]
    const way = below(10)
    // One that was there before, perhaps.
    const known = { url: `http://e${1 + below(REUSED)}:1` }
    if (way === 0 && merged([next, [known]]).length > next.length) next.splice(at, 0, known)
    else if (way < 2) next.splice(at, 0, { url: `http://e${serial()}:1` })
    else if (way === 2 && next.length < 40)
      for (let n = 0; n < 20; n++) next.push({ url: `http://e${serial()}:1` })
    else if (one === undefined) continue
    else if (way === 3) next.splice(at, 1)
    else if (way === 4) next.splice(at, 1 + below(6))
    else if (way === 5) next.splice(below(next.length), 0, ...next.splice(at, 1 + below(3)))
    else if (way === 6) next[at] = { url: `http://e${serial()}:1`, id: idOf(one) }
    else if (way === 7) next[at] = { url: one.url, id: `i${serial()}` }
    else next[at] = { ...one, weight: 1 + below(3), metadata: { version: serial() } }
  }
  if (next.length > MOST) next.splice(below(MOST), next.length - MOST)
  const way = below(40)
  if (way === 0) return Array.from({ length: below(30) }, () => ({ url: `http://e${serial()}:1` }))
  if (way === 1) return next.reverse()
  if (way === 2) return next.sort(() => below(3) - 1)
  return next
}

describe.each([1, 2, 3, 4])('over random changes (%i)', (seed) => {
  it('all threads agree, and endpoints that stay keep their slots', () => {
    const below = seeded(seed)
    let count = 0
    const serial = () => ++count
    const scene = new Scene()
    let given: Raw[] = []
    const found: Raw[][] = [[], []]
    let weights: Record<string, number> | undefined
    const rules = () => (weights === undefined ? [] : [{ service: 'users', weights }])
    for (let step = 0; step < STEPS; step++) {
      const before = new Map(
        scene.service.members.map((one) => [`${one.endpoint.id} ${one.endpoint.url}`, one.slot]),
      )
      const way = below(20)
      const { members } = scene.service
      const some = members[below(members.length)]?.endpoint
      let isListed = true
      if (way < 13) {
        const source = below(2)
        // One in five names an endpoint of the other source, or one that is listed.
        found[source] = another(found[source], below, serial)
        const other = found[1 - source][below(found[1 - source].length)]
        if (other !== undefined && below(5) === 0)
          found[source] = merged([found[source], [{ ...other, weight: 9 }]])
        const list = structuredClone(found[source])
        scene.found(
          source,
          below(2) === 0 ? list : list.map((raw) => (Object.keys(raw).length === 1 ? raw.url : raw)),
        )
      } else if (way < 15 && some !== undefined && weights?.[some.id] === undefined) {
        isListed = false
        const weight = 1 + below(5)
        const plan = scene.service.planWeigh(some.id, (endpoint) => Object.freeze({ ...endpoint, weight }))
        scene.publish({ ...plan, services: [] })
      } else if (way < 16 && some !== undefined) {
        isListed = false
        scene.publish({ ...scene.service.planRemove(some.id), services: [] })
        given = given.filter((raw) => idOf(raw) !== some.id)
      } else if (way < 17) {
        isListed = false
        const raw = { url: `http://e${serial()}:1` }
        given = [...given, raw]
        scene.publish({ ...scene.service.planAdd(parseEndpoint(raw, 'it')), services: [] })
      } else {
        if (way === 18) given = another(given, below, serial)
        weights = way === 19 && some !== undefined ? { [some.id]: 7 } : undefined
        // What was set or removed by hand is as it was found again, for the rest of this test to be told by lists.
        scene.update(given, rules())
        for (const source of [0, 1]) scene.found(source, found[source])
      }
      const expected = shown(scene.service)
      expect(shown(scene.read as ConfiguredService)).toEqual(expected)
      expect(shown(scene.late)).toEqual(expected)
      for (const { endpoint, slot } of scene.service.members) {
        const same = before.get(`${endpoint.id} ${endpoint.url}`)
        if (same !== undefined && way < 17) expect(slot).toBe(same)
        expect(scene.service.at(slot).endpoint).toBe(endpoint)
        expect(scene.service.find(endpoint.id).slot).toBe(slot)
      }
      if (!isListed || way < 13) continue
      const model = merged([given, ...found])
      expect(scene.service.members.map(({ endpoint }) => said(endpoint))).toEqual(
        model.map((raw) => ({
          id: idOf(raw),
          url: raw.url,
          weight: weights?.[idOf(raw)] ?? raw.weight ?? 1,
        })),
      )
    }
    expect(scene.kinds['found-difference']).toBeGreaterThan(STEPS / 3)
    expect(scene.kinds.found).toBeGreaterThan(0)
  })
})

const said = ({ id, url, weight }: Endpoint) => ({ id, url, weight })
