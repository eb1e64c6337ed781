// Which test belongs to which suite, stated here alone. vitest.config.ts makes a project of each suite; scripts/test.mjs
// runs `engines` and `quick`, scripts/test-all.mjs the rest. A file that nothing here names is quick.

/**
 * Tests that take too long for `npm test`: what they are, and the files, by the ends of their paths. Most compute for 20 s and
 * more; the others show at length or at random what quick tests show in short.
 * @type {Record<string, string[]>}
 */
export const LONG = {
  'models of the ticket queue and of waiting lines, over many orders of steps': [
    'ticket-queue.model.test.ts',
    'lines.model.test.ts',
  ],
  'threads that end anywhere in an operation (kills)': [
    'ticket-queue-kills.test.ts',
    'balancer-stops.test.ts',
    'balancer-kills.test.ts',
    'request-queue-stops.test.ts',
    'admission-stops.test.ts',
  ],
  'simulations in long': ['figures.test.ts', 'simulate/policies.test.ts'],
  'linearizability of recorded histories': ['limits.test.ts', 'linearizability/queue.test.ts'],
  'stress over threads': ['stress.test.ts'],
  'lists of endpoints in rapid change, over threads that end': ['found-lists.test.ts'],
  'the demonstration': ['demo.test.ts'],
  'damaged shared memory, word by word': ['queue-damage.test.ts'],
  'the proxy as a process, but for its main job (its modules one by one are quick)': [
    'e2e/proxy-config.test.ts',
    'e2e/proxy-connections.test.ts',
    'e2e/proxy-endpoint.test.ts',
    'e2e/proxy-failures.test.ts',
    'e2e/proxy-life.test.ts',
    'e2e/proxy-pipelining.test.ts',
    'e2e/proxy-protocol.test.ts',
    'e2e/proxy-streams.test.ts',
    'e2e/proxy-timeouts.test.ts',
    'e2e/proxy-trust.test.ts',
    'e2e/proxy-upgrade.test.ts',
  ],
  'simulations by the command line': ['cli-simulate.test.ts'],
  'hostile clients and endpoints of the proxy, at random': ['proxy-fuzz.test.ts'],
  'a priority level of which all endpoints hang': ['hung-level.test.ts'],
  'long polls and lost requests under a found limit': ['lost-requests.test.ts'],
  'overload from the first request on': ['overload-from-the-start.test.ts'],
  'sources over a real DNS server, and over API servers of our own': [
    'consul/consul.test.ts',
    'consul-source.test.ts',
    'dns-source.test.ts',
    'dns/lookup.test.ts',
    'dns/source.test.ts',
    'kubernetes-source.test.ts',
    'kubernetes/kubernetes.test.ts',
    'source-examples.test.ts',
    'sources/http-stream.test.ts',
  ],
  'the network and the etcd members of the cluster tests': [
    'cluster/namespaces.test.ts',
    'cluster/etcd-cluster.test.ts',
  ],
  'a real etcd: sources, registrations, members that are killed': [
    'etcd-source.test.ts',
    'etcd/etcd.test.ts',
    'etcd-members.test.ts',
    'registration-etcd.test.ts',
    'rolling-restart.test.ts',
    'examples-etcd.test.ts',
  ],
  'documents of sources that are long': ['sources/list-reader.test.ts'],
  'ten thousand services and endpoints': ['scale-services.test.ts', 'scale.test.ts'],
}

/** Of those below, the tests of the engine that the process has picked. */
export const ENGINE_OF_THE_PROCESS = 'test/engine/'

/** What both engines are tested by in every `npm test`: the contract suite, and the tests of the engines themselves. */
export const ENGINES = ['test/contract/**/*.test.ts', 'test/**/engine-*.test.ts', 'test/engine/**/*.test.ts']

/** Needs a packed tarball, which scripts/test-package.mjs makes. */
export const PACKAGE = ['test/e2e/package.test.ts']

/** Half an hour: scripts/test-soak.mjs. */
export const SOAK = ['test/soak/**/*.soak.ts']

/** Of those the one that `npm run test:all` takes in short. */
export const SOAK_OVERLOAD = 'test/soak/overload.soak.ts'

/** The patterns of LONG. */
export const longPatterns = Object.values(LONG)
  .flat()
  .map((end) => `test/**/${end}`)
