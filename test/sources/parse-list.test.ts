import { describe, expect, it } from 'vitest'
import { parseList } from '../../lib/sources/parse-list.js'

describe('a list of endpoints', () => {
  it.each([
    ['JSON', '["http://a:1", {"url": "http://b:1"}]'],
    ['JSON with a key', '{"endpoints": ["http://a:1", {"url": "http://b:1"}], "at": 1}'],
    ['YAML', '- http://a:1\n- url: http://b:1\n'],
    ['YAML with a key', '# of today\nendpoints:\n  - http://a:1\n  - { url: http://b:1 }\n'],
    ['YAML in its short form', '[http://a:1, { url: http://b:1 }]'],
    ['JSON after a blank line', '\n  ["http://a:1", {"url": "http://b:1"}]\n'],
  ])('is read from %s', (_, text) => {
    expect(parseList(text)).toEqual(['http://a:1', { url: 'http://b:1' }])
  })

  it('may be empty', () => {
    expect(parseList('[]')).toEqual([])
    expect(parseList('endpoints: []')).toEqual([])
  })

  it.each([
    ['nothing', '', /holds no list/],
    ['text', 'http://a:1', /holds no list/],
    ['an object of another kind', '{"servers": []}', /holds no list.*`endpoints`/],
    ['endpoints that are no list', 'endpoints: http://a:1', /holds no list/],
    ['JSON that ends too early', '["http://a:1", {"url"', /no JSON/],
    ['YAML with a fault', '- a\n b: c: d', /no YAML/],
  ])('is not %s', (_, text, why) => {
    expect(() => parseList(text)).toThrow(why)
  })

  it('does not grow out of a few lines of aliases', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
    for (let i = 1; i <= 9; i++)
      lines.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      )
    expect(() => parseList(`${lines.join('\n')}\nendpoints: *a9\n`)).toThrow(/alias/)
  })
})
