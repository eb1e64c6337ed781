import { describe, expect, it } from 'vitest'
import { isName, namesToTry } from '../../../lib/sources/dns/names.js'
import { parseServer } from '../../../lib/sources/dns/server.js'

describe('the names to try', () => {
  const search = ['a.test', 'b.test.']

  it.each([
    ['users', 1, ['users.a.test', 'users.b.test', 'users']],
    ['users.shop', 1, ['users.shop', 'users.shop.a.test', 'users.shop.b.test']],
    ['users.shop', 5, ['users.shop.a.test', 'users.shop.b.test', 'users.shop']],
    ['users', 0, ['users', 'users.a.test', 'users.b.test']],
    ['users.', 1, ['users']],
  ])('%s with ndots %i', (name, ndots, names) => {
    expect(namesToTry(name, search, ndots)).toEqual(names)
  })

  it('are without those that get too long, and without the root', () => {
    const long = Array.from({ length: 4 }, () => 'x'.repeat(62)).join('.')
    expect(namesToTry(long, ['a.test', ''], 1)).toEqual([long])
  })
})

it.each([
  ['users', true],
  ['_http._tcp.users-1.test', true],
  ['x'.repeat(63), true],
  ['x'.repeat(64), false],
  ['', false],
  ['.', false],
  ['a..b', false],
  ['a b', false],
  ['a/b', false],
  ['käse.test', false],
  [`${'x.'.repeat(126)}x`, true],
  [`${'x.'.repeat(126)}xy`, false],
])('isName(%j) is %s', (name, right) => {
  expect(isName(name)).toBe(right)
})

describe('the address of a server', () => {
  it.each([
    ['10.0.0.1', { address: '10.0.0.1', port: 53, family: 4, label: '10.0.0.1:53' }],
    ['10.0.0.1:5353', { address: '10.0.0.1', port: 5353, family: 4, label: '10.0.0.1:5353' }],
    ['fd00::1', { address: 'fd00::1', port: 53, family: 6, label: '[fd00::1]:53' }],
    ['[fd00::1]', { address: 'fd00::1', port: 53, family: 6, label: '[fd00::1]:53' }],
    ['[fe80::1%eth0]:54', { address: 'fe80::1%eth0', port: 54, family: 6, label: '[fe80::1%eth0]:54' }],
  ])('%s', (text, server) => {
    expect(parseServer(text)).toEqual(server)
  })

  it.each([
    '',
    'localhost',
    'dns.test:53',
    '10.0.0.1:',
    '10.0.0.1:0',
    '10.0.0.1:65536',
    '10.0.0.1:x',
    '[fd00::1]53',
  ])('%j is none', (text) => {
    expect(() => parseServer(text)).toThrow(/is not the address of a DNS server; write/)
  })
})
