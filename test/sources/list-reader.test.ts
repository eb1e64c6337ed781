/** Long documents: what they hold, as by a parser of the whole. */
import { afterEach, describe, expect, it } from 'vitest'
import { systemTimers } from '../../lib/runtime/timers.js'
import { jsonItems } from '../../lib/sources/json-items.js'
import { ListReader } from '../../lib/sources/list-reader.js'
import { parseList } from '../../lib/sources/parse-list.js'
import { ManualTimers } from '../support/manual-timers.js'
import { seeded } from '../support/seeded.mjs'

const readers: ListReader[] = []

afterEach(() => {
  for (const reader of readers.splice(0)) reader.stop()
})

function reader(): (text: string) => Promise<readonly unknown[]> {
  const one = new ListReader(systemTimers)
  readers.push(one)
  return (text) => one.read(text, new AbortController().signal)
}

function items(text: string): unknown[] {
  const steps = jsonItems(text, (item) => JSON.parse(item))
  let step = steps.next()
  while (!step.done) step = steps.next()
  return step.value
}

const long = (count = 1_400, from = 0) =>
  Array.from({ length: count }, (_, i) => ({
    url: `http://e${from + i}.test:80`,
    metadata: { n: `"${i}\\` },
  }))

const yamlOf = (list: ReturnType<typeof long>): string =>
  list.map((one) => `- url: ${one.url}\n  metadata: ${JSON.stringify(one.metadata)}\n`).join('')

describe('the items of a JSON list', () => {
  it.each([
    ['[]'],
    [' [ ] '],
    ['["a"]'],
    ['{"endpoints":[]}'],
    ['{"at": {"servers": [1]}, "endpoints": [ {"url":"a,b]}"}, [1,[2]] , "\\\\\\"," ], "more": [3, {}]}'],
    ['[1, -2.5e3 ,true,false,null,{"a":[]},"\\u005d"]\n'],
  ])('are those of a parser: %s', (text) => {
    expect(items(text)).toEqual(parseList(text))
  })

  it.each([
    '',
    '[',
    ']',
    '[1',
    '[1,',
    '[,1]',
    '[1,,2]',
    '[1,]',
    '[1}',
    '[1]]',
    '[1] x',
    '[1]{}',
    '["a]',
    '[{"a":1]',
    '[[1]',
    '{"endpoints":[1]',
    '{"endpoints":[1],}',
    '{"endpoints":[1] "a":2}',
    '{"a":1}',
    '{"endpoints":{}}',
    '{endpoints:[1]}',
    '"[1]"',
    'x[1]',
    // Which of them counts is for a parser of the whole to say.
    '{"endpoints":[1],"endpoints":[2]}',
    '{"endpoints":[1],"endp\\u006fints":[2]}',
  ])('are refused, not guessed: %s', (text) => {
    expect(() => items(text)).toThrow()
  })

  it('of documents with a character more, less or changed are as a parser says, or refused as it does', () => {
    const below = seeded(5)
    const alphabet = '[]{},:"\\ 1ae'
    let same = 0
    for (let i = 0; i < 5_000; i++) {
      const base = '{"a":[{}],"endpoints":[{"url":"x","l":[1,"]"]}, "y" ,[ ],2]}'
      const at = below(base.length)
      const more = alphabet[below(alphabet.length)]
      const text = base.slice(0, at) + (below(3) === 0 ? '' : more) + base.slice(at + below(2))
      let found: unknown
      try {
        found = items(text)
      } catch {
        continue
      }
      same++
      expect((JSON.parse(text) as { endpoints: unknown }).endpoints).toEqual(found)
    }
    expect(same).toBeGreaterThan(300)
  })
})

describe('a long list', () => {
  it('is what it says, and of the next one the items that it had are the same objects', async () => {
    const read = reader()
    const first = long()
    const before = await read(JSON.stringify(first))
    expect(before).toEqual(first)
    const next = [...first.slice(1, 100), { url: 'http://new.test' }, ...first.slice(100)]
    const after = await read(JSON.stringify({ endpoints: next }))
    expect(after).toEqual(next)
    expect(after.filter((one) => before.includes(one)).length).toBe(next.length - 1)
  })

  it('is taken apart in turns of the event loop', async () => {
    const timers = new ManualTimers()
    let now = 0
    // Each look at the clock takes a millisecond.
    timers.now = () => now++
    const one = new ListReader(timers)
    let turns = 0
    const { after } = timers
    timers.after = (ms, fn) => {
      turns++
      return after.call(timers, ms, fn)
    }
    const reading = one.read(JSON.stringify(long()), new AbortController().signal)
    for (let i = 0; i < 100; i++) await timers.advance(1)
    expect((await reading).length).toBe(1_400)
    expect(turns).toBeGreaterThan(5)
  })

  it('is given up when it is stopped, or nobody waits for it', async () => {
    const timers = new ManualTimers()
    let now = 0
    timers.now = () => now++
    const one = new ListReader(timers)
    const reading = one.read(JSON.stringify(long()), new AbortController().signal)
    one.stop()
    await expect(reading).rejects.toThrow(/no longer read/)
    expect(timers.pending).toBe(0)
    const other = new ListReader(systemTimers)
    const given = new AbortController()
    const yaml = other.read(yamlOf(long()), given.signal)
    given.abort(new Error('too late'))
    await expect(yaml).rejects.toThrow('too late')
  })

  it('is read from YAML, in its long form and its short one, in another thread', async () => {
    const read = reader()
    expect(await read(yamlOf(long()))).toEqual(long())
    const flow = `[${long()
      .map(({ url }) => url)
      .join(', ')}]`
    expect(await read(flow)).toEqual(long().map(({ url }) => url))
  })

  it.each([
    ['JSON that ends too early', `${JSON.stringify(long()).slice(0, -1)}`, /^it is no JSON: /],
    ['YAML with a fault', `${yamlOf(long())}b: c: d`, /^it is no YAML: /],
    ['an object of another kind', JSON.stringify({ servers: long() }), /holds no list.*`endpoints`/],
    ['text', 'x'.repeat(70_000), /holds no list/],
  ])('is not %s', async (_, text, why) => {
    const read = reader()
    await expect(read(text)).rejects.toThrow(why)
    // And then goes on.
    expect((await read(yamlOf(long()))).length).toBe(1_400)
  })

  it('does not grow out of a few lines of aliases', async () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]', `more: ${'x'.repeat(70_000)}`]
    for (let i = 1; i <= 9; i++)
      lines.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      )
    await expect(reader()(`${lines.join('\n')}\nendpoints: *a9\n`)).rejects.toThrow(/alias/)
  })
})
