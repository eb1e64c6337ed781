import { describe, expect, it } from 'vitest'
import { defineSource } from '../../lib/index.js'
import { Faults } from '../../lib/options/faults.js'
import { describeSource, resolveSources } from '../../lib/sources/options.js'

function faultsOf(value: unknown): string[] {
  const faults = new Faults()
  resolveSources(value, 'source', faults)
  try {
    faults.throwIfAny()
    return []
  } catch (error) {
    return (error as { faults: { path: string; message: string }[] }).faults.map(
      ({ path, message }) => `${path}: ${message}`,
    )
  }
}

const resolved = (value: unknown) => resolveSources(value, 'source', new Faults())

describe('a right source', () => {
  it('has every default filled in', () => {
    const bounds = { maxDrop: 0.5, holdMs: 30_000, maxEndpoints: 10_000 }
    expect(resolved({ dns: { name: 'users.internal', port: 80 } })).toEqual([
      {
        kind: 'dns',
        options: { name: 'users.internal', port: 80, type: 'A+AAAA', scheme: 'http', timeout: 2_000 },
        ...bounds,
      },
    ])
    expect(resolved({ file: { path: '/a' } })).toEqual([
      { kind: 'file', options: { path: '/a', interval: 2_000 }, ...bounds },
    ])
    expect(resolved({ http: { url: 'http://a/b' } })).toEqual([
      {
        kind: 'http',
        options: { url: 'http://a/b', interval: 5_000, timeout: 5_000, headers: {} },
        ...bounds,
      },
    ])
  })

  it('is called what it is, without secrets', () => {
    const name = defineSource('registry', { start: () => {} })
    const sources = [
      { dns: { name: 'a.internal' } },
      { file: { path: '/a' } },
      { http: { url: 'https://user:secret@a/b?token=secret' } },
      { kubernetes: { service: 'users', namespace: 'shop' } },
      { name },
    ]
    expect(resolved(sources).map(describeSource)).toEqual([
      'dns a.internal',
      'file /a',
      'http https://a',
      'kubernetes users.shop',
      'registry',
    ])
  })

  it.each(['10.0.0.2', '10.0.0.2:5300', 'fd00::2', '[fd00::2]:5300'])('may ask server %s', (server) => {
    expect(faultsOf({ dns: { name: 'a', servers: [server] } })).toEqual([])
  })

  it.each(['_http._tcp.users.internal', 'a.', 'users', 'A.example'])('may ask for %s', (name) => {
    expect(faultsOf({ dns: { name } })).toEqual([])
  })
})

describe('every fault has its path and says what would be right', () => {
  it.each<[unknown, string | RegExp]>([
    ['dns', /^source: /],
    [{}, 'source: names no source; it takes one of `dns`, `file`, `http`, `kubernetes`, `etcd`, `name`'],
    [
      { dns: { name: 'a' }, file: { path: 'b' } },
      'source: has `dns`, `file`; a source is one of them, and several sources are an array',
    ],
    [{ dns: {} }, /^source\.dns\.name: is missing; it must be a host name/],
    [{ dns: { name: '10.0.0.1' } }, /^source\.dns\.name: must be a host name/],
    [{ dns: { name: 'a b' } }, /^source\.dns\.name: must be a host name/],
    [{ dns: { name: 'a', port: 0 } }, /^source\.dns\.port: /],
    [{ dns: { name: 'a', port: 80, type: 'SRV' } }, /^source\.dns\.port: is what `SRV` records say/],
    [
      { dns: { name: 'a', servers: ['dns.internal'] } },
      /^source\.dns\.servers\[0\]: must be an address like/,
    ],
    [{ dns: { name: 'a', servers: ['10.0.0.1:0'] } }, /^source\.dns\.servers\[0\]: /],
    [{ dns: { name: 'a', servers: [] } }, /^source\.dns\.servers: is empty/],
    [{ file: {} }, /^source\.file\.path: is missing/],
    [{ file: { path: '' } }, /^source\.file\.path: /],
    [{ http: { url: 'ftp://a' } }, /^source\.http\.url: must be a URL like/],
    [
      { http: { url: 'http://a', headers: { 'a b': 'x' } } },
      /^source\.http\.headers.*is not the name of a header/,
    ],
    [{ kubernetes: {} }, /^source\.kubernetes\.service: is missing/],
    [{ kubernetes: { service: 'Users' } }, /^source\.kubernetes\.service: must be a name of letters/],
    [{ kubernetes: { service: 'a', port: 0 } }, /^source\.kubernetes\.port: must be/],
    [{ kubernetes: { service: 'a', server: 'a:6443' } }, /^source\.kubernetes\.server: must be a URL/],
    [{ etcd: {} }, /^source\.etcd\.service: is missing; it must be a name/],
    [{ etcd: { service: 'a/b' } }, /^source\.etcd\.service: must be a name of at most 253/],
    [{ etcd: { service: 'a', servers: [] } }, /^source\.etcd\.servers: is empty/],
    [
      { etcd: { service: 'a', servers: ['10.0.0.1:2379'] } },
      /^source\.etcd\.servers\[0\]: must be a URL like/,
    ],
    [
      { etcd: { service: 'a', servers: ['http://a:1', 'http://b:2/v3'] } },
      'source.etcd.servers[1]: has more than scheme, host and port; leave out the rest',
    ],
    [
      { etcd: { service: 'a', servers: ['http://me:secret@a:1'] } },
      'source.etcd.servers[0]: has a name or a password in it; write `username` and `passwordFile` beside it',
    ],
    [{ etcd: { service: 'a', username: 'b' } }, /^source\.etcd\.passwordFile: is missing/],
    [{ etcd: { service: 'a', keyFile: 'b' } }, /^source\.etcd\.certFile: is missing/],
    [
      { etcd: { service: 'a', prefx: 'b' } },
      /^source\.etcd\.prefx: unknown key `prefx`; did you mean `prefix`/,
    ],
    [{ file: { path: 'a' }, maxDrop: 1.1 }, /^source\.maxDrop: /],
    [{ file: { path: 'a' }, options: {} }, /^source\.options: belongs to a source of your own/],
    [{ name: 'nobody' }, /^source\.name: must be .*defined in this thread/],
    [{ files: { path: 'a' } }, /^source\.files: unknown key `files`; did you mean `file`\?/],
    [
      [{ file: { path: 'a' } }, { file: { path: 'a' } }],
      'source[1]: is the same source as source[0]; name each once',
    ],
    [[{ file: { path: 'a' } }, {}], /^source\[1\]: names no source/],
  ])('%j', (value, expected) => {
    const [fault] = faultsOf(value)
    if (typeof expected === 'string') expect(fault).toBe(expected)
    else expect(fault).toMatch(expected)
  })
})

it.each(['Registry', '', 'a b', 7])('%j is no name of a source of your own', (name) => {
  expect(() => defineSource(name as string, { start: () => {} })).toThrow(/the name of a source is/)
})

it('a source of your own has to begin with something', () => {
  expect(() => defineSource('empty', {} as never)).toThrow(/no function `start/)
})
