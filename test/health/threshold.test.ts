import { describe, expect, it } from 'vitest'
import { afterCheck, healthScore, INITIAL_HEALTH_SCORE } from '../../lib/health/active/threshold.js'
import { HEALTH } from '../../lib/health/filter.js'

const { UNKNOWN, HEALTHY, UNHEALTHY } = HEALTH
const pass = { ok: true }
const fail = { ok: false }

/** Health after each check: `+` passes, `-` fails, `x` was discarded. */
function healths(start: number, checks: string, rise: number, fall: number): number[] {
  let state = { health: start, run: 0 }
  return [...checks].map((mark) => {
    state = afterCheck(
      state,
      mark === 'x' ? { ok: false, discarded: true } : { ok: mark === '+' },
      rise,
      fall,
    )
    return state.health
  })
}

describe('rise and fall', () => {
  it('takes `fall` failing checks in a row to become unhealthy', () => {
    expect(healths(HEALTHY, '--+---', 2, 3)).toEqual([HEALTHY, HEALTHY, HEALTHY, HEALTHY, HEALTHY, UNHEALTHY])
  })

  it('takes `rise` passing checks in a row to come back', () => {
    expect(healths(UNHEALTHY, '+-++', 2, 2)).toEqual([UNHEALTHY, UNHEALTHY, UNHEALTHY, HEALTHY])
  })

  it('makes an unknown endpoint healthy at its first passing check, whatever rise is', () => {
    expect(healths(UNKNOWN, '+', 5, 2)).toEqual([HEALTHY])
  })

  it('keeps an unknown endpoint unknown until `fall` checks have failed', () => {
    expect(healths(UNKNOWN, '--', 2, 2)).toEqual([UNKNOWN, UNHEALTHY])
    expect(healths(UNKNOWN, '-', 2, 1)).toEqual([UNHEALTHY])
  })

  it('counts runs with their sign and reports changes once', () => {
    const first = afterCheck({ health: HEALTHY, run: 7 }, fail, 2, 2)
    expect(first).toEqual({ health: HEALTHY, run: -1, changed: false })
    const second = afterCheck(first, fail, 2, 2)
    expect(second).toEqual({ health: UNHEALTHY, run: -2, changed: true })
    const third = afterCheck(second, fail, 2, 2)
    expect(third).toEqual({ health: UNHEALTHY, run: -3, changed: false })
    expect(afterCheck(third, pass, 1, 2)).toEqual({ health: HEALTHY, run: 1, changed: true })
  })

  it('neither counts a discarded failure nor lets it end a run', () => {
    expect(healths(HEALTHY, 'xxxx', 2, 2)).toEqual([HEALTHY, HEALTHY, HEALTHY, HEALTHY])
    expect(healths(HEALTHY, '-x-', 2, 2)).toEqual([HEALTHY, HEALTHY, UNHEALTHY])
    expect(afterCheck({ health: UNHEALTHY, run: 1 }, { ok: false, discarded: true }, 2, 2)).toEqual({
      health: UNHEALTHY,
      run: 1,
      changed: false,
    })
  })

  it('keeps runs within a signed 32-bit word', () => {
    const most = 0x7fffffff
    expect(afterCheck({ health: HEALTHY, run: most }, pass, 2, 2).run).toBe(most)
    expect(afterCheck({ health: UNHEALTHY, run: -most }, fail, 2, 2).run).toBe(-most)
    expect(afterCheck({ health: UNHEALTHY, run: -most + 1 }, fail, 2, 2).run).toBe(-most)
  })
})

describe('health score', () => {
  it('moves an eighth of the way towards each check', () => {
    expect(healthScore(1, fail)).toBe(0.875)
    expect(healthScore(0.5, pass)).toBe(0.5625)
    expect(healthScore(0.25, { ok: false, discarded: true })).toBe(0.25)
  })

  it('halves within six failures and stays within 0 and 1', () => {
    let score = INITIAL_HEALTH_SCORE
    for (let i = 0; i < 6; i++) score = healthScore(score, fail)
    expect(score).toBeLessThan(0.5)
    for (let i = 0; i < 1000; i++) score = healthScore(score, fail)
    expect(score).toBeGreaterThanOrEqual(0)
    for (let i = 0; i < 1000; i++) score = healthScore(score, pass)
    expect(score).toBeLessThanOrEqual(1)
    expect(score).toBeGreaterThan(0.999)
  })

  it('settles at the share of the checks that pass', () => {
    let sum = 0
    let score = INITIAL_HEALTH_SCORE
    for (let i = 0; i < 400; i++) {
      score = healthScore(score, { ok: i % 4 !== 0 })
      if (i >= 200) sum += score
    }
    expect(sum / 200).toBeCloseTo(0.75, 3)
  })
})
