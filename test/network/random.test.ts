import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { linkKey } from '../../lib/network/snapshot.js'
import { Topology } from '../../lib/network/topology.js'

const open: Topology[] = []
afterEach(() => {
  for (const topology of open.splice(0)) topology.close()
})

const kept = (topology: Topology): Topology => {
  open.push(topology)
  return topology
}

const REGIONS = ['eu', 'us', 'ap', '']
const id = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', '__proto__')
const region = fc.constantFrom(...REGIONS)
const node = fc.record({
  id,
  region,
  zone: fc.constantFrom('', '1', '2'),
  dataCenter: fc.constantFrom('', 'x'),
  capabilities: fc.uniqueArray(fc.constantFrom<string>('gpu', 'ssd', 'constructor')),
  services: fc.dictionary(fc.constantFrom('users', 'orders'), fc.constant('http://10.0.0.1:1')),
  state: fc.constantFrom('up' as const, 'drain' as const, 'down' as const),
  weight: fc.integer({ min: 1, max: 3 }),
})
const step = fc.record({
  by: fc.nat(2),
  nodes: fc.uniqueArray(node, { selector: (one) => one.id, maxLength: 4 }),
  removed: fc.array(id, { maxLength: 2 }),
  isReplaced: fc.boolean(),
})

/** All that a snapshot says, by its look-ups. */
function said({ snapshot }: Topology) {
  const ids = (list: readonly { id: string }[]) => list.map((one) => one.id).sort()
  return {
    size: snapshot.size,
    nodes: [...snapshot.nodes()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    regions: Object.fromEntries(REGIONS.map((name) => [name, ids(snapshot.inRegion(name))])),
    zones: ['', '1', '2'].map((name) => ids(snapshot.inZone(name))),
    dataCenters: ids(snapshot.inDataCenter('x')),
    capabilities: ['gpu', 'ssd', 'constructor'].map((name) => ids(snapshot.withCapability(name))),
    services: ['users', 'orders'].map((name) => ids(snapshot.ofService(name))),
    states: (['up', 'drain', 'down'] as const).map((name) => ids(snapshot.inState(name))),
    names: [snapshot.regions().sort(), snapshot.services().sort()],
  }
}

test('whoever changes it, each look-up finds what a scan of the model finds, in each of three that share it', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const first = kept(new Topology())
      const all = [first, kept(Topology.attach(first.handle)), kept(Topology.attach(first.handle))]
      const model = new Map<string, (typeof steps)[0]['nodes'][0]>()
      for (const { by, nodes, removed, isReplaced } of steps) {
        if (isReplaced) {
          all[by].replace({ nodes })
          model.clear()
        } else {
          all[by].update({ nodes, remove: { nodes: removed } })
          for (const name of removed) model.delete(name)
        }
        for (const one of nodes) model.set(one.id, one)
        // Not all of them look after each step: what came between is taken over at once.
        const now = all[(by + 1) % 3].snapshot
        expect([...now.nodes()].map((one) => one.id).sort()).toEqual([...model.keys()].sort())
      }
      const scan = (has: (one: (typeof steps)[0]['nodes'][0]) => boolean) =>
        [...model.values()]
          .filter(has)
          .map((one) => one.id)
          .sort()
      for (const topology of all) {
        const { nodes, ...rest } = said(topology)
        expect(nodes.map(({ id: name, weight, state }) => ({ name, weight, state }))).toEqual(
          [...model.values()]
            .sort((a, b) => (a.id < b.id ? -1 : 1))
            .map(({ id: name, weight, state }) => ({ name, weight, state })),
        )
        const namedRegions = REGIONS.filter((name) => name !== '')
        expect(rest).toEqual({
          size: model.size,
          regions: {
            ...Object.fromEntries(namedRegions.map((name) => [name, scan((one) => one.region === name)])),
            '': [],
          },
          zones: [[], scan((one) => one.zone === '1'), scan((one) => one.zone === '2')],
          dataCenters: scan((one) => one.dataCenter === 'x'),
          capabilities: ['gpu', 'ssd', 'constructor'].map((name) =>
            scan((one) => one.capabilities.includes(name)),
          ),
          services: ['users', 'orders'].map((name) => scan((one) => Object.hasOwn(one.services, name))),
          states: ['up', 'drain', 'down'].map((name) => scan((one) => one.state === name)),
          names: [
            namedRegions.filter((name) => scan((one) => one.region === name).length > 0).sort(),
            ['orders', 'users'].filter((name) => scan((one) => Object.hasOwn(one.services, name)).length > 0),
          ],
        })
      }
      for (const topology of open.splice(0)) topology.close()
    }),
    { numRuns: 150 },
  )
})

test('best paths are those of a search of all ways', () => {
  const names = ['a', 'b', 'c', 'd', 'e']
  const pairs = names.flatMap((from, i) => names.slice(i + 1).map((to) => ({ from, to })))
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(fc.constantFrom(...pairs), fc.integer({ min: 1, max: 50 }), fc.constantFrom(0.25, 0.5, 1)),
        { maxLength: 12 },
      ),
      (list) => {
        const links = new Map(
          list.map(([{ from, to }, latencyMs, reliability]) => [
            linkKey(from, to),
            { from, to, latencyMs, reliability },
          ]),
        )
        const topology = kept(new Topology())
        topology.update({
          nodes: names.map((name) => ({ id: name, region: name })),
          links: [...links.values()],
        })
        const { snapshot } = topology
        const cost = (a: string, b: string) => {
          const link = links.get(linkKey(a, b))
          return link === undefined ? Number.POSITIVE_INFINITY : link.latencyMs / link.reliability
        }
        const least = (from: string, to: string, left: readonly string[]): number =>
          from === to
            ? 0
            : Math.min(
                Number.POSITIVE_INFINITY,
                ...left.map(
                  (next) =>
                    cost(from, next) +
                    least(
                      next,
                      to,
                      left.filter((one) => one !== next),
                    ),
                ),
              )
        for (const from of names)
          for (const to of names) {
            const path = snapshot.path(from, to)
            const expected = least(
              from,
              to,
              names.filter((one) => one !== from),
            )
            const found = path?.links.reduce((sum, one) => sum + one.latencyMs / one.reliability, 0)
            expect(found ?? Number.POSITIVE_INFINITY).toBeCloseTo(expected, 9)
            expect(path?.regions[0] ?? from).toBe(from)
            expect(path?.regions.at(-1) ?? to).toBe(to)
          }
        topology.close()
      },
    ),
    { numRuns: 100 },
  )
})
