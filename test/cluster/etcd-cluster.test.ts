/** The cluster of the tests: three real members. Skipped where there is no etcd. */
import { existsSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { EtcdCluster, whyNoEtcd } from './etcd-cluster.js'
import { NamespaceNetwork, whyNoNamespaces } from './namespaces.js'
import type { Network } from './network.js'
import { PlainNetwork } from './plain-network.js'

const why = whyNoEtcd()
const noNamespaces = await whyNoNamespaces()
let network: Network | undefined
let cluster: EtcdCluster | undefined

afterEach(async () => {
  await cluster?.stop()
  await network?.close()
})

describe.skipIf(why !== undefined)(
  `a cluster of three${why === undefined ? '' : ` (skipped: ${why})`}`,
  () => {
    const kinds = [
      ['processes', () => new PlainNetwork(), undefined],
      ['namespaces', () => new NamespaceNetwork(), noNamespaces],
    ] as const

    test.each(kinds)('in %s: leads, loses its leader, stops, goes on', async (_, make, missing) => {
      if (missing !== undefined) return
      network = make()
      cluster = await EtcdCluster.prepare(network)
      await cluster.start()
      const leader = await cluster.waitForLeader()
      await cluster.put('a', '-1')
      await leader.kill()
      expect(leader.isRunning).toBe(false)
      await cluster.waitForWrites()
      expect(await cluster.waitForLeader()).not.toBe(leader)
      expect(await cluster.keys('a')).toEqual(['a'])

      const other = await cluster.waitForLeader()
      other.pause()
      await expect(cluster.control(['put', 'b', '1'], 1_000)).rejects.toThrow()
      other.resume()
      leader.start()
      await cluster.waitForWrites()
      await cluster.put('b', '1')
      expect(await cluster.keys('')).toEqual(['a', 'b', 'harness/quorum'])

      await cluster.lead(leader)
      expect(await cluster.waitForLeader()).toBe(leader)
      await cluster.follow(leader)
      expect(await cluster.waitForLeader()).not.toBe(leader)

      const compacted = await cluster.compact()
      expect(compacted).toBeGreaterThan(2)
      await expect(cluster.control(['get', 'a', '--rev', String(compacted - 1)])).rejects.toThrow(/compacted/)
      await cluster.stop()
      expect(existsSync(cluster.folder)).toBe(false)
      expect(cluster.members.some(({ isRunning }) => isRunning)).toBe(false)
    })
  },
)
