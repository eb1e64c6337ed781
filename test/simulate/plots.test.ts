/** What the plots show, read from their text. */
import { describe, expect, it } from 'vitest'
import type { PolicyResult } from '../../lib/simulate/index.js'
import { plotGoodput, plotLatency, plotLoad } from '../../lib/simulate/index.js'
import { logScale } from '../../lib/simulate/plots/log-scale.js'

function resultOf(policy: string, { shares = [0.5, 0.5], ...rest }: Partial<Result> = {}): PolicyResult {
  const endpoints = shares.map((share, at) => ({ id: `e${at}`, requests: 0, share, utilization: 0 }))
  const latency = { p50Ms: 10, p90Ms: 20, p99Ms: 400, p999Ms: 3_000 }
  return {
    policy,
    ...latency,
    maxOverMean: Math.max(...shares) * shares.length,
    endpoints,
    goodput: { perSecond: 40, capacity: 50, ofCapacity: 0.8 },
    overTime: { fromMs: 0, stepMs: 1_000, offered: [30, 100, 100], goodput: [30, 50, 40] },
    ...rest,
  } as PolicyResult
}
type Result = PolicyResult & { shares: number[] }

/** All that is written in a picture, piece by piece. */
const textsOf = (svg: string): string[] =>
  [...svg.matchAll(/<(text|tspan)[^>]*>([^<]+)<\/\1>/g)].map(([, , words]) => words)
const hintsOf = (svg: string): string[] =>
  [...svg.matchAll(/<title>([^<]*)<\/title><\/path>/g)].map(([, hint]) => hint)
const widthOf = (svg: string): number => Number(/^<svg[^>]* width="([\d.]+)"/.exec(svg)?.[1])

describe.each([
  ['plotLatency', plotLatency, 4],
  ['plotLoad', plotLoad, 2],
  ['plotGoodput', plotGoodput, 3],
])('%s', (_, plot, marks) => {
  it('writes the whole of a long title and of a long name', async () => {
    const title =
      'Twenty clients and twenty endpoints with noisy neighbours at a load that is above what they are for '.repeat(
        2,
      )
    const name =
      'a policy whose label is about as long as the plot beside it is wide, which is no reason to cut it'
    const svg = await plot([resultOf(name)], title)
    const texts = textsOf(svg)
    const lines = texts.slice(-5).filter((line) => title.includes(line))
    expect(lines.join(' ')).toBe(title.trim())
    expect(texts).toContain(name)
    expect(svg).not.toContain('…')
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(70)
    // A bold letter of 15 pixels is 9 wide on the average.
    for (const line of lines)
      expect(line.length * 9).toBeLessThan(widthOf(await plot([resultOf('a')], title)))
    expect(name.length * 6).toBeLessThan(widthOf(svg) - 620)
  })

  it('breaks a word that is longer than a line, and counts wide letters twice', async () => {
    const [word, wide] = ['x'.repeat(150), '負荷'.repeat(40)]
    const texts = textsOf(await plot([resultOf('a')], `${word} ${wide}`))
    const lines = texts.filter((line) => /^[x負荷 ]{5,}$/.test(line))
    expect(lines.join('').replaceAll(' ', '')).toBe(word + wide)
    for (const line of lines) expect(line.length * (line.includes('負') ? 2 : 1)).toBeLessThanOrEqual(70)
  })

  it('has a counterpart in the dark for each colour', async () => {
    const svg = await plot([resultOf('a'), resultOf('b', { p50Ms: Number.NaN })], 'title')
    const colours = new Set(
      [...svg.matchAll(/ (fill|stroke)="([^"]+)"/g)].map(([, what, colour]) => `${what}="${colour}"`),
    )
    const plain = [...colours].filter((one) => !/"(none|transparent)"/.test(one))
    expect(plain.length).toBeGreaterThan(4)
    const [, dark] = /@media \(prefers-color-scheme:dark\)\{(.*)\}<\/style>/.exec(svg)!
    for (const one of plain) expect(dark).toMatch(new RegExp(`\\.fairlead-plot \\[${one}\\]\\{\\w+:#`))
  })

  it('escapes what is not for it', async () => {
    const svg = await plot([resultOf('<a & "b">')], '1 < 2 & 3 $1 $&')
    expect(svg).toContain('>&lt;a &amp; "b"&gt;</')
    expect(svg).toContain('<title>&lt;a &amp; &quot;b&quot;&gt;: ')
    expect(svg).toMatch(/<title>1 &lt; 2 &amp; 3 \$1 \$&amp;<\/title>/)
    expect(svg).not.toContain('<a & ')
  })

  it('gives the same text whatever was drawn before', async () => {
    const first = await plot([resultOf('a')], 'title')
    await Promise.all([plotLoad([resultOf('b')], 'other'), plotLatency([resultOf('b')], 'other')])
    expect(await plot([resultOf('a')], 'title')).toBe(first)
  })

  it('keeps policies of one name apart, and takes none at all', async () => {
    const svg = await plot([resultOf('same'), resultOf('same')], 'title')
    const labels = [...svg.matchAll(/transform="(translate[^"]*)"[^>]*>(?:<tspan>)?same</g)]
    expect(new Set(labels.map(([, place]) => place)).size).toBe(2)
    expect(hintsOf(svg)).toHaveLength(2 * marks)
    expect(await plot([], 'title')).toMatch(/^<svg .*<\/svg>\n$/s)
  })
})

describe('plotLatency', () => {
  it('has a row for each policy, a mark for each percentile, and says the values', async () => {
    const svg = await plotLatency([resultOf('peak-ewma'), resultOf('random', { p999Ms: 12_345 })], 'title')
    expect(hintsOf(svg)).toEqual([
      ...['p50 10 ms', 'p90 20 ms', 'p99 400 ms', 'p99.9 3 s'].map((value) => `peak-ewma: ${value}`),
      ...['p50 10 ms', 'p90 20 ms', 'p99 400 ms', 'p99.9 12.3 s'].map((value) => `random: ${value}`),
    ])
    const texts = textsOf(svg)
    expect(texts).toEqual(
      expect.arrayContaining(['peak-ewma', 'random', 'Percentile', 'p50', 'p90', 'p99', 'p99.9']),
    )
    expect(texts).toEqual(expect.arrayContaining(['10 ms', '100 ms', '1 s', '10 s']))
    expect(texts.join('\n')).toMatch(/latency.*logarithmic/i)
  })

  it('shows equal percentiles beside each other', async () => {
    const svg = await plotLatency([resultOf('a', { p50Ms: 5, p90Ms: 5, p99Ms: 5, p999Ms: 5 })], 'title')
    const places = [...svg.matchAll(/<path aria-label="a: [^>]*transform="translate\(([\d.]+),([\d.]+)\)"/g)]
    expect(new Set(places.map(([, x]) => x)).size).toBe(1)
    const heights = places.map(([, , y]) => Number(y))
    expect(heights).toHaveLength(4)
    for (const [at, y] of heights.slice(1).entries()) expect(y - heights[at]).toBeGreaterThan(7)
  })

  it('says where nothing was answered, and draws what took no time', async () => {
    const none = { p50Ms: Number.NaN, p90Ms: Number.NaN, p99Ms: Number.NaN, p999Ms: Number.NaN }
    const svg = await plotLatency(
      [resultOf('silent', none), resultOf('quick', { p50Ms: 0, p90Ms: 0 })],
      'title',
    )
    expect(textsOf(svg)).toContain('no request was answered')
    expect(hintsOf(svg)).toContain('quick: p50 0 ms')
    expect(hintsOf(svg)).toHaveLength(4)
    expect(svg).not.toMatch(/NaN|Infinity|undefined/)
  })
})

describe('plotLoad', () => {
  it('names each bar, says its share, and how uneven they are', async () => {
    const svg = await plotLoad([resultOf('peak-ewma', { shares: [0.25, 0.7055, 0.0445] })], 'title')
    expect(hintsOf(svg)).toEqual(['peak-ewma: e0 25.00%', 'peak-ewma: e1 70.55%', 'peak-ewma: e2 4.45%'])
    expect(textsOf(svg)).toEqual(
      expect.arrayContaining([
        'e0',
        'e1',
        'e2',
        'Endpoint',
        'peak-ewma',
        'max/mean 2.12',
        'Share of requests, %',
        '50%',
      ]),
    )
  })

  it('has bars as high as their shares, and the line of equal shares between them', async () => {
    const svg = await plotLoad([resultOf('a', { shares: [0.8, 0.2] })], 'title')
    const [high, low] = [
      ...svg.matchAll(/<path aria-label="a: e\d [^>]* d="M[\d.]+,([\d.]+)h[\d.]+v([\d.]+)/g),
    ]
    expect(Number(high[2]) / Number(low[2])).toBeCloseTo(4, 2)
    const top = Number(/<line transform="translate\(0,([\d.]+)\)"[^>]*stroke-dasharray/.exec(svg)?.[1])
    // Eight pixels above the bars' room: half of 80% is at five eighths of it, from below.
    expect(top - 8).toBeCloseTo(Number(high[2]) * (1 - 0.5 / 0.8), 0)
  })

  it('has room for the names of many endpoints', async () => {
    const shares = Array.from({ length: 200 }, () => 1 / 200)
    const svg = await plotLoad([resultOf('a', { shares })], 'title')
    const texts = new Set(textsOf(svg))
    for (const at of shares.keys()) expect(texts).toContain(`e${at}`)
    expect(widthOf(svg)).toBeGreaterThan(200 * 13)
    const bar = /<path aria-label="a: e50 [^>]* d="M([\d.]+),[\d.]+h([\d.]+)/.exec(svg)!
    const middle = Number(bar[1]) + Number(bar[2]) / 2
    const names = [...svg.matchAll(/translate\(([\d.]+),[^"]* rotate\(-90\) translate\(0,3\)"[^>]*>e50</g)]
    expect(names).toHaveLength(2)
    for (const [, x] of names) expect(Math.abs(Number(x) - middle)).toBeLessThan(1)
  })

  it('draws a policy that sent nothing', async () => {
    const svg = await plotLoad([resultOf('a', { shares: [0, 0], maxOverMean: Number.NaN })], 'title')
    expect(textsOf(svg)).toEqual(expect.arrayContaining(['no request was sent', '100%']))
    expect(svg).not.toMatch(/NaN|Infinity|undefined/)
  })
})

describe('plotGoodput', () => {
  const barsOf = (svg: string) =>
    [...svg.matchAll(/<path aria-label="[^"]* a second"[^>]* d="M[\d.]+,([\d.]+)h[\d.]+v([\d.]+)/g)].map(
      ([, top, height]) => ({ top: Number(top), height: Number(height) }),
    )

  it('says of each step what was answered of what was offered, and of each policy its share of the capacity', async () => {
    const svg = await plotGoodput([resultOf('peak-ewma'), resultOf('random')], 'title')
    const hints = [
      '0 to 1 s: 30 of 30 a second',
      '1 to 2 s: 50 of 100 a second',
      '2 to 3 s: 40 of 100 a second',
    ]
    expect(hintsOf(svg)).toEqual(
      ['peak-ewma', 'random'].flatMap((name) => hints.map((one) => `${name}: ${one}`)),
    )
    expect(textsOf(svg)).toEqual(
      expect.arrayContaining([
        'peak-ewma',
        'random',
        '80.0% of capacity',
        'Requests a second',
        'Time since the simulation began, s',
        'answered within the deadline',
        'offered',
        'what the endpoints can answer',
      ]),
    )
  })

  it('has bars as high as the goodput, a line of the offered load, and one of the capacity', async () => {
    const svg = await plotGoodput([resultOf('a')], 'title')
    const bars = barsOf(svg)
    expect(bars.map(({ height }) => height / bars[0].height)).toEqual(
      [1, 50 / 30, 40 / 30].map((one) => expect.closeTo(one, 2)),
    )
    const bottom = bars[0].top + bars[0].height
    const perSecond = bars[0].height / 30
    // Lines lie in the whole plot, bars in their row: 11 pixels lower.
    const steps = [
      ...(/<path d="M0,([^"]*)"[^>]*stroke-width="1.5"/.exec(svg)?.[1] ?? '').matchAll(/[\d.]+/g),
    ].map(([number]) => Number(number))
    const heights = [steps[0], steps[4], steps.at(-1)!].map((y) => (bottom + 11 - y) / perSecond)
    expect(heights).toEqual([30, 100, 100].map((one) => expect.closeTo(one, 0)))
    const capacity = Number(/<line transform="translate\(0,([\d.]+)\)"[^>]*stroke-dasharray/.exec(svg)?.[1])
    expect((bottom + 11 - capacity) / perSecond).toBeCloseTo(50, 0)
  })

  it('has no line of a capacity without limit, or far above all that was asked', async () => {
    for (const capacity of [Number.NaN, 1_000]) {
      const svg = await plotGoodput(
        [resultOf('a', { goodput: { perSecond: 4, capacity, ofCapacity: 4 / capacity } })],
        'title',
      )
      expect(svg).not.toMatch(/<line transform="translate\(0,[\d.]+\)"[^>]*stroke-dasharray/)
      expect(svg).not.toMatch(/NaN|Infinity|undefined/)
      expect(textsOf(svg)).toContain(Number.isNaN(capacity) ? '4 a second' : '0.4% of capacity')
    }
  })

  it('draws what is short in ms, and a policy to which nothing came', async () => {
    const overTime = { fromMs: 0, stepMs: 10, offered: [100, 100], goodput: [0, 100] }
    const none = { fromMs: 0, stepMs: 0, offered: [], goodput: [] }
    const nothing = { perSecond: Number.NaN, capacity: 50, ofCapacity: Number.NaN }
    const svg = await plotGoodput(
      [resultOf('a', { overTime }), resultOf('b', { overTime: none, goodput: nothing })],
      'title',
    )
    expect(hintsOf(svg)).toEqual(['a: 0 to 10 ms: 0 of 100 a second', 'a: 10 to 20 ms: 100 of 100 a second'])
    expect(textsOf(svg)).toEqual(
      expect.arrayContaining(['no request arrived', 'Time since the simulation began, ms']),
    )
    expect(svg).not.toMatch(/NaN|Infinity|undefined/)
  })
})

describe('the logarithmic scale', () => {
  it.each([
    [[167, 2_000], 100, 5_000, [100, 200, 500, 1_000, 2_000, 5_000]],
    [[5], 2, 10, [2, 5, 10]],
    [[1], 0.5, 2, [0.5, 1, 2]],
    [[0.02, 0.05], 0.01, 0.1, [0.01, 0.02, 0.05, 0.1]],
    [[0, 3], 2, 5, [2, 5]],
    [[], 0.5, 2, [0.5, 1, 2]],
    [[0.000006], 0.000005, 0.00001, [0.000005, 0.00001]],
    [[1, 50_000], 0.5, 100_000, [1, 10, 100, 1_000, 10_000, 100_000]],
  ])('of %j', (values, low, high, ticks) => {
    expect(logScale(values)).toEqual({ low, high, ticks })
  })
})
