import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  CONNECTION_CONTRIBUTION,
  CONTRIBUTION,
  HEADER,
  LAYOUT,
  LAYOUT_VERSION,
  layoutFingerprint,
  ROOT_BYTES,
  SERVICE,
  SERVICE_SEGMENT_BYTES,
  SERVICE_SEGMENT_RECORDS,
  SLOT,
  serviceConnectionsWord,
  serviceContributionWord,
  serviceWord,
  THREAD,
  threadWord,
} from '../../lib/engine/layout.js'
import { createRoot, createServices } from '../../lib/engine/memory.js'
import type { NativeAddon } from '../../lib/engine/native/addon.js'
import { createNativeFactory } from '../../lib/engine/native/core.js'
import { EngineError } from '../../lib/errors.js'

const LINE_WORDS = 16
const header = readFileSync(new URL('../../src/layout.hpp', import.meta.url), 'utf8')

test('two-word fields are 8-byte aligned', () => {
  const fields = [HEADER.MANUAL_NOW, HEADER.LEADER_BEAT, THREAD.BEAT, SLOT.LATENCY, SLOT.EJECTED_UNTIL]
  const totals = [
    SLOT.SUCCEEDED,
    SLOT.FAILED,
    SLOT.CANCELLED,
    SERVICE.RETRIED,
    SERVICE.OVERLOADED,
    SERVICE.NO_ENDPOINT,
  ]
  for (const word of [...fields, ...totals]) expect(word % 2).toBe(0)
})

test.each(['header', 'thread', 'service', 'slot'] as const)(
  '%s: records fill whole cache lines, no field is beyond the record',
  (group) => {
    const { WORDS, ...fields } = LAYOUT[group]
    expect(WORDS % LINE_WORDS).toBe(0)
    for (const word of Object.values(fields)) expect(word).toBeLessThan(WORDS)
    expect(new Set(Object.values(fields)).size).toBe(Object.keys(fields).length)
  },
)

test('the records of a root segment follow each other to its very end', () => {
  expect(threadWord(0)).toBe(HEADER.WORDS)
  expect(ROOT_BYTES(3)).toBe(4 * threadWord(3))
  expect(createRoot('fallback', 1, 3).byteLength).toBe(ROOT_BYTES(3))
})

test('the records of a service segment follow each other to its very end', () => {
  const last = SERVICE_SEGMENT_RECORDS - 1
  expect(serviceWord(0)).toBe(0)
  expect(serviceWord(SERVICE_SEGMENT_RECORDS + 1)).toBe(SERVICE.WORDS)
  expect(serviceContributionWord(0, 0)).toBe(serviceWord(last) + SERVICE.WORDS)
  expect(serviceContributionWord(1, 5 * SERVICE_SEGMENT_RECORDS)).toBe(
    serviceContributionWord(0, last) + CONTRIBUTION.WORDS,
  )
  expect(serviceConnectionsWord(3, 0, 0)).toBe(serviceContributionWord(2, last) + CONTRIBUTION.WORDS)
  expect(serviceConnectionsWord(3, 1, 5 * SERVICE_SEGMENT_RECORDS)).toBe(
    serviceConnectionsWord(3, 0, last) + CONNECTION_CONTRIBUTION.WORDS,
  )
  expect(SERVICE_SEGMENT_BYTES(3)).toBe(
    4 * (serviceConnectionsWord(3, 2, last) + CONNECTION_CONTRIBUTION.WORDS),
  )
  const segments = createServices(3, 2)
  expect(segments.map(({ byteLength }) => byteLength)).toEqual([
    SERVICE_SEGMENT_BYTES(3),
    SERVICE_SEGMENT_BYTES(3),
  ])
  expect(segments[1].byteOffset).toBe(SERVICE_SEGMENT_BYTES(3))
})

test('src/layout.hpp is generated from this layout', () => {
  expect(header).toContain(`kVersion = ${LAYOUT_VERSION};`)
  expect(header).toContain(`kFingerprint = 0x${layoutFingerprint().toString(16)};`)
})

describe('an addon of another layout', () => {
  const right = { layoutVersion: LAYOUT_VERSION, layoutFingerprint: layoutFingerprint() } as NativeAddon

  test('is refused with both values', () => {
    const load = () => createNativeFactory({ ...right, layoutFingerprint: 0xbad })
    expect(load).toThrow(EngineError)
    expect(load).toThrow(/0xbad/)
    expect(load).toThrow(new RegExp(`0x${layoutFingerprint().toString(16)}`))
    expect(() => createNativeFactory({ ...right, layoutVersion: 99 })).toThrow(/layout 99/)
  })

  test('that names no layout at all is refused too', () => {
    expect(() => createNativeFactory({} as NativeAddon)).toThrow(/unknown/)
  })

  test('of this layout is taken', () => {
    expect(createNativeFactory(right).createCore).toBeTypeOf('function')
  })
})
