import { describe, expect, it } from 'vitest'
import { roundTrip } from '../../lib/cli/doctor/queue-check.js'
import { selfCheck } from '../../lib/cli/doctor/self-check.js'
import type { CoreFactory } from '../../lib/engine/contract.js'
import { fallbackFactory } from '../../lib/engine/fallback/index.js'
import { engine } from '../../lib/engine/index.js'
import { LAYOUT_VERSION, layoutFingerprint } from '../../lib/engine/layout.js'
import { fallbackQueueEngine, type QueueEngine } from '../../lib/queue/engine.js'
import { runCli, temporaryFile } from './cli-process.js'

describe('fairlead doctor', () => {
  it('says which engine runs, and why, and checks it', async () => {
    const { code, stdout, stderr } = await runCli(['doctor'])
    expect(stderr).toBe('')
    expect(stdout).toMatch(new RegExp(`^engine +${engine.kind}$`, 'm'))
    if (engine.reason !== undefined) expect(stdout).toMatch(/^why +\S/m)
    expect(stdout).toMatch(new RegExp(`^check of ${engine.kind} +passed: 4,000 picks\\b`, 'm'))
    expect(stdout).toMatch(/^check of fallback +passed: 4,000 picks, queue round trips$/m)
    expect(stdout).toContain(`The ${engine.kind} engine runs, and works.`)
    expect(code).toBe(0)
  })

  it('prints the same as JSON', async () => {
    const { code, stdout } = await runCli(['doctor', '--json'])
    const report = JSON.parse(stdout)
    expect(report).toMatchObject({
      engine: JSON.parse(JSON.stringify(engine)),
      platform: {
        platform: process.platform,
        arch: process.arch,
        node: process.version,
        nodeApi: process.versions.napi,
      },
      layout: { version: LAYOUT_VERSION, fingerprint: layoutFingerprint().toString(16) },
      ok: true,
    })
    const checked = report.selfCheck.map((check: { engine: string }) => check.engine)
    expect(checked).toContain('fallback')
    // A usable binary is checked as well, whichever engine runs.
    expect(checked.includes('native')).toBe(report.binary.fault === undefined)
    if (report.binary.fault === undefined) expect(report.binary.hash).toMatch(/^matches its manifest/)
    else expect(report.advice).toMatch(/npm/)
    expect(code).toBe(0)
  })

  it('takes the fallback that is asked for', async () => {
    const { code, stdout } = await runCli(['doctor', '--json'], { FAIRLEAD_ENGINE: 'fallback' })
    expect(JSON.parse(stdout)).toMatchObject({
      wanted: 'fallback',
      engine: { kind: 'fallback', reason: 'FAIRLEAD_ENGINE=fallback asks for it' },
    })
    expect(code).toBe(0)
  })

  it('fails where FAIRLEAD_ENGINE cannot be met', async () => {
    const { code, stdout, stderr } = await runCli(['doctor'], { FAIRLEAD_ENGINE: 'quick' })
    expect(stdout).toMatch(/^engine +none: FAIRLEAD_ENGINE is "quick"/m)
    expect(stdout).toContain('Something is wrong: see above.')
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
  })

  it('looks at the host names of a configuration, of the proxy or of a balancer', async () => {
    const config = (...endpoints: string[]) =>
      temporaryFile('proxy.json', JSON.stringify({ listen: { port: 0 }, services: { users: { endpoints } } }))
    const found = await runCli(['doctor', '--config', config('http://localhost:81', 'http://127.0.0.1')])
    expect(found.stdout).toMatch(
      /host name:\n {2}users: http:\/\/localhost:81\n {4}one endpoint: getaddrinfo .*; \d address(es)? \(.*\) now\.\n$/,
    )
    expect(found).toMatchObject({ code: 0, stderr: '' })
    const none = await runCli(['doctor', '--json', '--config', config('http://127.0.0.1')])
    expect(JSON.parse(none.stdout)).toMatchObject({ hostNames: [], ok: true })
    const wrong = await runCli(['doctor', '--config', config('ftp://a')])
    expect(wrong.stderr).toMatch(/has a fault:\n.*services\.users\.endpoints\[0\]/)
    expect(wrong.code).toBe(1)
  })

  describe('the self-check', () => {
    const REFERENCE = { kind: 'fallback', factory: fallbackFactory } as const

    /** An engine with one thing wrong. */
    const broken = (fault: (core: ReturnType<CoreFactory['createCore']>) => void): CoreFactory => ({
      createCore(root, thread) {
        const core = fallbackFactory.createCore(root, thread)
        fault(core)
        return core
      },
    })

    it('finds lost and doubled counts', () => {
      let calls = 0
      const forgetful = broken((core) => {
        const end = core.end.bind(core)
        core.end = (...args) => {
          if (++calls !== 100) end(...args)
        }
      })
      const [, native] = selfCheck([REFERENCE, { kind: 'native', factory: forgetful }])
      expect(native.faults.join()).toMatch(
        /1 requests in flight after all have ended.*counted \d+ of \d+ requests/,
      )
    })

    it('finds picks that are not those of the other engine', () => {
      const other = broken((core) => {
        const picker = core.picker.bind(core)
        core.picker = (spec) => picker({ ...spec, slots: Uint32Array.from(spec.slots).reverse() })
      })
      const [fallback, native] = selfCheck([REFERENCE, { kind: 'native', factory: other }])
      expect(fallback.faults).toEqual([])
      expect(native.faults).toEqual(['its picks differ from those of the other engine'])
    })

    it('finds tickets that a queue loses or lets in twice', () => {
      const leaky: QueueEngine = {
        ...fallbackQueueEngine,
        createLanes(memory) {
          const lanes = fallbackQueueEngine.createLanes(memory)
          const popMany = lanes.popMany.bind(lanes)
          lanes.popMany = (out) => Math.max(0, popMany(out) - 1)
          return lanes
        },
      }
      expect(roundTrip(fallbackQueueEngine)).toEqual([])
      expect(roundTrip(leaky).join()).toContain('999 of 1000 tickets came out of the queue')
    })
  })
})
