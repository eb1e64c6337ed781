/** Which hosts and targets requests may name, and which route they go by. */
import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { BAD_HOST, BAD_TARGET, TOO_MANY_FIELDS } from '../../../lib/cli/proxy/failure.js'
import { canonicalHost, isAuthority } from '../../../lib/cli/proxy/host.js'
import { RouteTable } from '../../../lib/cli/proxy/routes.js'
import { isFailure, targetOf } from '../../../lib/cli/proxy/target.js'

describe('a host with or without a port', () => {
  it.each([
    ['', true],
    [':80', true],
    ['a', true],
    ['a:', true],
    ['a:0', true],
    ['a:65535', true],
    ['a:65536', false],
    ['a:x', false],
    ['a:80:80', false],
    ['[::1]', true],
    ['[::1]:', true],
    ['[::1]:65535', true],
    ['[::1]:65536', false],
    ['[::1]80', false],
    ['[::1]:x', false],
    ['[]', false],
    ['[', false],
    ['[127.0.0.1]', false],
    ['a[::1]', false],
    ['a,b', false],
    ["a-b_c.d~e!$&'()*+;=%", true],
    ['a\\b', false],
    ['a#b', false],
    ['a\nb', false],
  ])('%j: %s, and asked again', (text, right) => {
    expect(isAuthority(text)).toBe(right)
    expect(isAuthority(text)).toBe(right)
  })

  it('has up to 262 characters', () => {
    expect(isAuthority('a'.repeat(262))).toBe(true)
    expect(isAuthority('a'.repeat(263))).toBe(false)
  })

  it.each([
    ['Shop.Example', 'shop.example'],
    ['shop.example:8080', 'shop.example'],
    ['shop.example.:8080', 'shop.example'],
    ['shop.example:', 'shop.example'],
    ['127.0.0.1', '127.0.0.1'],
    // The same addresses, written otherwise.
    ['0x7f.1', '127.0.0.1'],
    ['[2001:0db8::0:1]:80', '[2001:db8::1]'],
    ['B\u00fccher.example', 'xn--bcher-kva.example'],
    ['XN--BCHER-KVA.example', 'xn--bcher-kva.example'],
    ['%41.example.', 'a.example'],
    // No host at all stays what it is.
    ['a b', 'a b'],
    ['xn--.example', 'xn--.example'],
  ])('%j is compared as %j', (text, expected) => {
    expect(canonicalHost(text)).toBe(expected)
  })
})

describe('the target of a request', () => {
  const HOST = ['Host', 'shop.example:81']
  const target = (url: string | undefined, rawHeaders: string[] = HOST, httpVersion = '1.1') =>
    targetOf({ rawHeaders, url, httpVersion } as unknown as IncomingMessage)

  it('is its path, and the host that its field names, wherever that stands', () => {
    const expected = { authority: 'shop.example:81', path: '/a?b' }
    expect(target('/a?b')).toEqual(expected)
    expect(target('/a?b', ['x-a', 'y', 'hosx', 'z', 'HOST', 'shop.example:81'])).toEqual(expected)
    expect(isFailure(target('/a?b'))).toBe(false)
  })

  it('has one valid Host field, and none with HTTP/1.0 alone', () => {
    expect(target('/', [])).toBe(BAD_HOST)
    expect(target('/', ['x-a', 'shop.example'])).toBe(BAD_HOST)
    expect(target('/', [], '1.0')).toEqual({ authority: '', path: '/' })
    expect(target('/', HOST, '1.0')).toEqual({ authority: 'shop.example:81', path: '/' })
    expect(target('/', [...HOST, ...HOST])).toBe(BAD_HOST)
    expect(target('/', ['host', '', 'host', 'a'])).toBe(BAD_HOST)
    expect(target('/', ['host', 'a b'], '1.0')).toBe(BAD_HOST)
    expect(target('/', ['host', ''])).toEqual({ authority: '', path: '/' })
    expect(isFailure(BAD_HOST)).toBe(true)
  })

  it.each([
    ['http://other.example/a?b', 'other.example', '/a?b'],
    ['HTTPS://other.example:82/', 'other.example:82', '/'],
    ['http://other.example', 'other.example', '/'],
    ['http://other.example?b', 'other.example', '/?b'],
  ])('in its absolute form names the host itself: %s', (url, authority, path) => {
    expect(target(url)).toEqual({ authority, path })
  })

  it.each([
    '*',
    'other.example:80',
    'http:///a',
    'http://',
    'ftp://other.example/',
    '/a#b',
    'http://a/#b',
    '',
  ])('is none: %j', (url) => {
    expect(target(url)).toBe(BAD_TARGET)
  })

  it('is none where it was not read, or where the host in it is none', () => {
    expect(target(undefined)).toBe(BAD_TARGET)
    expect(target('http://a b/')).toBe(BAD_HOST)
    expect(target('http://u:p@other.example/')).toBe(BAD_HOST)
  })

  it('comes with 500 fields at most', () => {
    const fields = (count: number) => [...Array.from({ length: count - 1 }, () => ['x', 'y']).flat(), ...HOST]
    expect(target('/', fields(500))).toEqual({ authority: 'shop.example:81', path: '/' })
    expect(target('/', fields(501))).toBe(TOO_MANY_FIELDS)
  })
})

describe('routes', () => {
  const table = (
    routes: [host: string | undefined, path: string, service: string][],
    services = ['a', 'b'],
  ) =>
    new RouteTable(
      routes.map(([host, path, service]) => ({ ...(host === undefined ? {} : { host }), path, service })),
      services,
    )

  it('are needed with several services, and a single one that has some gets only what they are for', () => {
    expect(table([]).choose('h', '/')).toBeUndefined()
    expect(table([], []).choose('h', '/')).toBeUndefined()
    expect(table([], ['a']).choose('h', '/')).toBe('a')
    expect(table([[undefined, '/a', 'a']], ['a']).choose('h', '/b')).toBeUndefined()
    expect(table([[undefined, '/a', 'a']], ['a']).choose('h', '/a')).toBe('a')
  })

  it('of one host are several, and the longest path is taken in whatever order they stand', () => {
    const routes: [string, string, string][] = [
      ['h', '/', 'root'],
      ['h', '/a', 'a'],
      ['h', '/a/b', 'b'],
    ]
    for (const ordered of [routes, [...routes].reverse()]) {
      expect(table(ordered).choose('h', '/a/b')).toBe('b')
      expect(table(ordered).choose('h', '/a')).toBe('a')
      expect(table(ordered).choose('h', '/c?/a/b')).toBe('root')
      expect(table(ordered).choose('other', '/a')).toBeUndefined()
    }
  })

  it('of a host without one for the path leave it to those below `*.`, then to those of any host', () => {
    const routes = table([
      ['h.example', '/own', 'own'],
      ['*.example', '/wild', 'wild'],
      [undefined, '/any', 'any'],
      [undefined, '/own', 'any'],
    ])
    expect(routes.choose('h.example', '/own')).toBe('own')
    expect(routes.choose('h.example', '/wild')).toBe('wild')
    expect(routes.choose('h.example', '/any')).toBe('any')
    expect(routes.choose('h.example', '/none')).toBeUndefined()
    expect(routes.choose(undefined, '/own')).toBe('any')
    expect(routes.choose('example', '/wild')).toBeUndefined()
    expect(routes.choose('.example', '/wild')).toBe('wild')
  })

  it('of hosts below another are enough by themselves', () => {
    const routes = table([['*.example', '/', 'wild']])
    expect(routes.choose('h.example', '/')).toBe('wild')
    expect(routes.choose('h.other', '/')).toBeUndefined()
  })

  it('take the query for no part of the path, even where it is empty or comes first', () => {
    const routes = table([[undefined, '/a', 'a']])
    expect(routes.choose('h', '/a?')).toBe('a')
    expect(routes.choose('h', '?/a')).toBeUndefined()
    expect(routes.choose('h', '/a?b?c')).toBe('a')
  })
})
