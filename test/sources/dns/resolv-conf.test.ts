import { describe, expect, it } from 'vitest'
import { readResolvConf } from '../../../lib/sources/dns/resolv-conf.js'

describe('resolv.conf', () => {
  it('of Kubernetes', () => {
    const text =
      'search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n'
    expect(readResolvConf(text)).toEqual({
      servers: ['10.96.0.10'],
      search: ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local'],
      ndots: 5,
    })
  })

  it('without a line has no server, no search domain and ndots 1', () => {
    expect(readResolvConf('')).toEqual({ servers: [], search: [], ndots: 1 })
  })

  it('passes over comments, line ends of Windows, and what it does not know', () => {
    const text =
      '# nameserver 10.0.0.1\r\n; search no.test\r\nnameserver 10.0.0.2 # the first\r\n\r\n' +
      'nameserver fd00::53\r\nnameserver fe80::1%eth0\r\nsortlist 10.0.0.0/8\r\nnameserver\r\nnameserver localhost\r\n'
    expect(readResolvConf(text)).toEqual({
      servers: ['10.0.0.2', 'fd00::53', 'fe80::1%eth0'],
      search: [],
      ndots: 1,
    })
  })

  it('takes the last of search and domain', () => {
    expect(readResolvConf('search a.test b.test\ndomain c.test').search).toEqual(['c.test'])
    expect(readResolvConf('domain c.test\nsearch a.test b.test').search).toEqual(['a.test', 'b.test'])
    expect(readResolvConf('search a.test\nsearch').search).toEqual([])
  })

  it('takes six search domains, and the root for none', () => {
    expect(readResolvConf('search a b c d e f g h').search).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
    expect(readResolvConf('search .').search).toEqual([])
  })

  it.each([
    ['options ndots:0', 0],
    ['options timeout:1 ndots:3 attempts:2', 3],
    ['options ndots:99', 15],
    ['options ndots:99999999999999999999999', 15],
    ['options ndots:-1', 1],
    ['options ndots:x', 1],
    ['options ndots:', 1],
    ['options ndots:2\noptions rotate', 2],
    ['options ndots:2\noptions ndots:4', 4],
  ])('%j gives ndots %i', (text, ndots) => {
    expect(readResolvConf(text).ndots).toBe(ndots)
  })
})
