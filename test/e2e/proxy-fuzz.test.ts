/**
 * The proxy between hostile clients and a hostile endpoint, for 20 s. For longer, or the same again:
 *   FAIRLEAD_FUZZ_SECONDS=600 FAIRLEAD_FUZZ_SEED=1 npx vitest run test/e2e/proxy-fuzz.test.ts
 */
import { expect, it, onTestFinished } from 'vitest'
import { attack, honestEndpoint, hostileEndpoint, pipelined } from '../support/proxy-fuzz.js'
import { ask, startProxy } from './proxy-fixtures.js'

const SECONDS = Number(process.env['FAIRLEAD_FUZZ_SECONDS'] ?? 20)
const SEED = Number(process.env['FAIRLEAD_FUZZ_SEED'] ?? 1)
const ATTACKERS = 24
const HONEST_CLIENTS = 2

it(
  `stands whatever clients and endpoints send (seed ${SEED})`,
  async () => {
    const [hostile, honest] = await Promise.all([hostileEndpoint(SEED), honestEndpoint()])
    onTestFinished(() => {
      hostile.server.close()
      honest.server.close()
    })
    const proxy = await startProxy({
      listen: {
        headersTimeoutMs: 1000,
        bodyTimeoutMs: 1000,
        sendTimeoutMs: 1000,
        idleTimeoutMs: 1000,
        drainMs: 30_000,
      },
      routes: [
        { path: '/', service: 'hostile' },
        { host: 'honest', service: 'honest' },
      ],
      services: {
        hostile: {
          endpoints: [hostile.url],
          client: { headersTimeout: 500, bodyTimeout: 500 },
          // A limit that is found out would hide places that stay taken.
          limits: { perEndpoint: { maxRequests: 100, adaptive: false } },
          outlier: false,
        },
        honest: { endpoints: [honest.url] },
      },
    })
    const end = performance.now() + SECONDS * 1000
    const isRunning = (): boolean => performance.now() < end && proxy.child.exitCode === null
    let attacks = 0
    const attacker = async (): Promise<void> => {
      while (isRunning()) await attack(proxy.port, SEED * 1_000_003 + attacks++)
    }
    // What others do on their connections is nothing to these.
    let asked = 0
    const honestClient = async (): Promise<void> => {
      while (isRunning()) {
        const paths = Array.from({ length: 5 }, () => `/${asked++}`)
        expect(await pipelined(proxy.port, 'honest', paths)).toEqual(paths)
      }
    }
    await Promise.all([
      ...Array.from({ length: ATTACKERS }, attacker),
      ...Array.from({ length: HONEST_CLIENTS }, honestClient),
    ])
    const said = () => `seed ${SEED}, ${attacks} attacks\n${proxy.stdout()}${proxy.stderr()}`
    expect(proxy.child.exitCode, said()).toBeNull()
    expect(asked).toBeGreaterThan(0)
    // No place at the endpoint stays taken: as many requests as there are places find one.
    await new Promise((resolve) => setTimeout(resolve, 3000))
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => ask(proxy.port, '/', { method: 'POST' }).catch(() => undefined)),
    )
    const overloaded = answers.filter((answer) => answer?.body.includes('FAIRLEAD_OVERLOADED'))
    expect(overloaded, said()).toEqual([])
    // Neither a warning of Node's nor a stack trace.
    expect(proxy.stderr()).not.toMatch(/Warning|^\s+at /m)
    proxy.child.kill('SIGTERM')
    expect(await proxy.finished).toMatchObject({ code: 0, signal: null })
  },
  (SECONDS + 60) * 1000,
)
