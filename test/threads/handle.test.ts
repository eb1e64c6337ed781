/** Handles that are none, or not of this balancer, version or engine, and balancers that take no more threads. */
import { Worker } from 'node:worker_threads'
import { describe, expect, it, onTestFinished } from 'vitest'
import { HEADER } from '../../lib/engine/layout.js'
import { Balancer, engine } from '../../lib/index.js'
import type { BalancerHandle } from '../../lib/shared/handle.js'
import { attach, configOf, ownBalancer } from '../support/attached.js'

/** A copy of a root segment with one word changed. */
function withWord(root: SharedArrayBuffer, word: number, value: number): SharedArrayBuffer {
  const copy = new Int32Array(new SharedArrayBuffer(root.byteLength))
  copy.set(new Int32Array(root))
  copy[word] = value
  return copy.buffer
}

const wrong: [string, (handle: BalancerHandle) => unknown, RegExp][] = [
  ['nothing', () => undefined, /not the handle of a Balancer: undefined/],
  ['text', () => 'handle', /not the handle of a Balancer: "handle"/],
  ['of a queue', (handle) => ({ ...handle, type: 'fairlead.ticket-queue' }), /not the handle of a Balancer/],
  ['of another version', (handle) => ({ ...handle, version: 99 }), /memory layout 99/],
  ['of another layout', (handle) => ({ ...handle, fingerprint: 5 }), /fingerprint 5/],
  [
    'of the other engine',
    (handle) => ({ ...handle, engine: engine.kind === 'native' ? 'fallback' : 'native' }),
    /set FAIRLEAD_ENGINE alike/,
  ],
  ['without memory', (handle) => ({ ...handle, root: new ArrayBuffer(64) }), /root is no shared memory/],
  ['too short', (handle) => ({ ...handle, root: new SharedArrayBuffer(16) }), /16 bytes/],
  ['not a multiple of words', (handle) => ({ ...handle, root: new SharedArrayBuffer(4097) }), /4097 bytes/],
  [
    'of empty memory',
    (handle) => ({ ...handle, root: new SharedArrayBuffer(1 << 16) }),
    /first word is wrong/,
  ],
  [
    'cut short',
    (handle) => ({ ...handle, root: handle.root.slice(0, 4096) }),
    /root has 4096 bytes instead of \d+/,
  ],
  [
    'whose memory is of another version',
    (handle) => ({ ...handle, root: withWord(handle.root, HEADER.VERSION, 1) }),
    /another layout/,
  ],
  [
    'whose memory is of the other engine',
    (handle) => ({ ...handle, root: withWord(handle.root, HEADER.ENGINE, engine.kind === 'native' ? 0 : 1) }),
    /belongs to the other engine/,
  ],
  [
    'whose memory has no room for threads',
    (handle) => ({ ...handle, root: withWord(handle.root, HEADER.MAX_THREADS, 0) }),
    /room for 0 threads/,
  ],
  ['of two balancers', (handle) => ({ ...handle, id: 'ffffffffffffffff' }), /but its memory is of/],
  ['without segments', (handle) => ({ ...handle, segments: [] }), /segments are an array of 0/],
  [
    'with a wrong segment',
    (handle) => ({ ...handle, segments: [{ ...handle.segments[0], cells: new SharedArrayBuffer(8) }] }),
    /segments\[0\].cells is no shared memory of \d+ bytes, but 8 bytes of shared memory/,
  ],
  ['without services', (handle) => ({ ...handle, services: [] }), /services are an array of 0/],
  [
    'with a wrong segment of services',
    (handle) => ({ ...handle, services: [new SharedArrayBuffer(8)] }),
    /services\[0\] is no shared memory of segments of \d+ bytes, but 8 bytes/,
  ],
  [
    'with fewer segments of services than are used',
    (handle) => ({
      ...handle,
      root: withWord(handle.root, HEADER.SERVICES_USED, 100_000),
    }),
    /segments hold \d+ services, of which 100000 are used/,
  ],
  ['with a hole', (handle) => ({ ...handle, segments: [null] }), /segments\[0\].cells/],
  ['without pages', (handle) => ({ ...handle, pages: undefined }), /pages are undefined/],
  [
    'with a wrong page',
    (handle) => ({ ...handle, pages: handle.pages.with(3, new SharedArrayBuffer(8)) }),
    /pages\[3\] is no growable shared memory/,
  ],
]

describe('a handle', () => {
  it.each(wrong)('%s is refused, in words', (_what, spoil, message) => {
    const { handle } = ownBalancer()
    const attaching = () => Balancer.attach(spoil(handle) as BalancerHandle)
    expect(attaching).toThrow(expect.objectContaining({ code: 'FAIRLEAD_HANDLE', name: 'HandleError' }))
    expect(attaching).toThrow(message)
  })

  it('of a balancer that was stopped is refused', async () => {
    const balancer = ownBalancer()
    const { handle } = balancer
    await balancer.stop()
    expect(() => Balancer.attach(handle)).toThrow(/was stopped/)
  })

  it('serves on when the thread that made the balancer has ended without stopping it', async () => {
    const source = `
      const { parentPort } = require('node:worker_threads')
      import(${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)}).then(({ Balancer }) => {
        const balancer = new Balancer(${JSON.stringify(configOf())})
        balancer.pick('users')
        parentPort.postMessage(balancer.handle)
        // Nothing else keeps it: it would end by itself, and its request with it.
        setInterval(() => {}, 1000)
      })`
    const maker = new Worker(source, { eval: true })
    const handle = await new Promise<BalancerHandle>((resolve) => maker.once('message', resolve))
    const balancer = Balancer.attach(handle)
    onTestFinished(() => balancer.stop({ drainMs: 0 }))
    expect(balancer.inFlight).toBe(1)
    await maker.terminate()
    await expect.poll(() => balancer.inFlight).toBe(0)
    await expect.poll(() => balancer.leads).toBe(true)
    balancer.pick('users').end()
  })

  it('is refused by a thread with the other engine', async () => {
    const { handle } = ownBalancer()
    const other = engine.kind === 'native' ? 'fallback' : 'native'
    const source = `
      const { parentPort, workerData } = require('node:worker_threads')
      import(${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)}).then(({ Balancer }) => {
        try { parentPort.postMessage(String(Balancer.attach(workerData))) }
        catch (error) { parentPort.postMessage(error.code + ' ' + error.message) }
      }, (error) => parentPort.postMessage(error.code))`
    const env = { ...process.env, FAIRLEAD_ENGINE: other }
    const worker = new Worker(source, { eval: true, workerData: handle, env })
    const said = await new Promise<string>((resolve) => worker.once('message', resolve))
    // Without an addon there is no other engine to refuse it.
    if (said !== 'FAIRLEAD_ENGINE') expect(said).toMatch(/^FAIRLEAD_HANDLE .*set FAIRLEAD_ENGINE alike/)
    await worker.terminate()
  })

  it('takes 64 threads, and one more when one of them has gone', async () => {
    const balancer = ownBalancer()
    const { handle } = balancer
    const [ending] = await attach(balancer, 1)
    const attached = Array.from({ length: 62 }, () => Balancer.attach(handle))
    expect(() => Balancer.attach(handle)).toThrow(/All 64 thread records/)
    await attached[0].stop()
    attached[0] = Balancer.attach(handle)
    await ending.terminate()
    await new Promise((resolve) => setImmediate(resolve))
    attached.push(Balancer.attach(handle))
    expect(() => Balancer.attach(handle)).toThrow(expect.objectContaining({ code: 'FAIRLEAD_HANDLE' }))
    const leases = attached.map((one) => one.pick('users'))
    expect(balancer.inFlight).toBe(63)
    for (const lease of leases) lease.end()
    await Promise.all(attached.map((one) => one.stop()))
    expect(balancer.inFlight).toBe(0)
  })
})
