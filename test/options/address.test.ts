import { expect, test } from 'vitest'
import { parseBalancerConfig, parseEndpoint } from '../../lib/configuration/parse.js'
import { parseAnyOrigin, parseOrigin, patternFault, serviceNameFault } from '../../lib/options/address.js'

test.each([
  ['http://10.0.0.1:8080', { url: 'http://10.0.0.1:8080', host: '10.0.0.1', port: 8080 }],
  ['http://users', { url: 'http://users', host: 'users', port: 80 }],
  ['https://users/', { url: 'https://users', host: 'users', port: 443 }],
  ['HTTP://Users.Example.COM:80/', { url: 'http://users.example.com', host: 'users.example.com', port: 80 }],
  ['http://users:443', { url: 'http://users:443', host: 'users', port: 443 }],
  ['https://[::1]:8443', { url: 'https://[::1]:8443', host: '::1', port: 8443 }],
  ['http://[2001:DB8::0:1]', { url: 'http://[2001:db8::1]', host: '2001:db8::1', port: 80 }],
  ['http://bücher.example', { url: 'http://xn--bcher-kva.example', host: 'xn--bcher-kva.example', port: 80 }],
  ['http://a_b:65535', { url: 'http://a_b:65535', host: 'a_b', port: 65_535 }],
])('%s', (text, origin) => {
  expect(parseOrigin(text)).toEqual(origin)
})

test.each([
  ['', /^is empty/],
  ['http://', /cannot be parsed as a URL/],
  ['http://a:b', /cannot be parsed as a URL/],
  ['http://[::1', /cannot be parsed as a URL/],
  ['localhost:8080', /write `http:\/\/localhost:8080`/],
  ['10.0.0.1', /write `http:\/\/10.0.0.1`/],
  ['http:/a', /write `http:\/\/a`/],
  ['//a:1', /write `http:\/\/a:1`/],
  ['ftp://a', /has scheme `ftp:`; endpoints speak `http:` or `https:`/],
  ['ws://a', /has scheme `ws:`/],
  ['http://a:1/v1', /has path `\/v1`; an endpoint URL has no path, write `http:\/\/a:1`/],
  ['http://a:1//', /has path/],
  ['http://a:1?x=1', /has a query/],
  ['http://a:1?', /has a query/],
  ['http://a:1/#x', /has a fragment/],
  ['http://user:secret@a:1', /has credentials in it/],
  ['http://@a:1', /has credentials in it/],
  ['http://a:0', /has port 0; a port is 1 to 65,535/],
  ['http://a:65536', /has port 65536/],
  ['http://[::1]:99999', /has port 99999/],
  [' http://a', /has a space/],
  ['http://a\t:1', /has a space or control character/],
  ['http://1234', /means `http:\/\/0.0.4.210`; write that/],
  ['http://010.0.0.1', /means `http:\/\/8.0.0.1`/],
  ['http://256.0.0.1', /cannot be parsed/],
])('endpoint URL %j is refused', (text, message) => {
  expect(parseOrigin(text)).toMatch(message)
})

test('the short way for common URLs answers as the long one', () => {
  const hosts = [
    'a',
    'a-b.c',
    '10.0.0.1',
    '010.0.0.1',
    '1.2.3',
    '256.1.1.1',
    '1.2.3.4.5',
    'a.1',
    'a.0x1',
    '0x1.a',
    'xn--a',
    'xn--bcher-kva',
    '-a',
    'a..b',
    'a.',
    '1a',
    '1',
    'a.b1',
    '1.2.3.a',
  ]
  const ports = ['', ':', ':0', ':1', ':80', ':080', ':443', ':65535', ':65536', ':99999', ':123456']
  for (const scheme of ['http', 'https']) {
    for (const host of hosts) {
      for (const port of ports) {
        for (const end of ['', '/', '//', '/a']) {
          const text = `${scheme}://${host}${port}${end}`
          expect([text, parseOrigin(text)]).toEqual([text, parseAnyOrigin(text)])
        }
      }
    }
  }
})

test('no message repeats a password', () => {
  for (const url of [
    'http://user:hunter2@a:1',
    'http://user:hunter2@a:1/v1',
    'http://user:hunter2@a:99999',
    'ftp://user:hunter2@a',
  ]) {
    expect(() => parseEndpoint(url, 'endpoint')).toThrow('endpoint')
    expect(() => parseEndpoint(url, 'endpoint')).not.toThrow('hunter2')
  }
})

test.each([
  'users',
  'users-v2',
  'a_b',
  'users:8080',
  'api.example.com',
  '10.0.0.1',
  '10.0.0.1:8080',
  '[::1]:8080',
  '__proto__',
  'constructor',
  'xn--bcher-kva.example',
])('service name %s is allowed', (name) => {
  expect(serviceNameFault(name)).toBeUndefined()
})

test.each([
  ['', /is empty/],
  ['Users', /makes it `users`; name the service `users`/],
  ['1234', /makes it `0.0.4.210`/],
  ['0x7f.1', /makes it `127.0.0.1`/],
  ['users:80', /makes it `users`/],
  ['users:443', /of https makes it `users`/],
  ['users:', /makes it `users`/],
  ['users.', /ends in a dot, which URL parsing keeps.*name the service `users`/],
  ['users.:8080', /name the service `users:8080`/],
  ['users ', /makes it `users`/],
  [' users', /cannot be the host of a URL/],
  ['us ers', /cannot be the host/],
  ['bücher', /makes it `xn--bcher-kva`/],
  ['users/v1', /makes it `users`/],
  ['users?x', /makes it `users`/],
  ['users#x', /makes it `users`/],
  ['me@users', /makes it `users`/],
  ['users\\v1', /makes it `users`/],
  ['http://users', /makes it `http`/],
  ['users:99999', /cannot be the host/],
  ['users-*', /which only the pattern of a rule may have/],
])('service name %j is refused', (name, message) => {
  expect(serviceNameFault(name)).toMatch(message)
  expect(() => parseBalancerConfig({ services: { [name]: { endpoints: [] } } })).toThrow(message)
})

test.each(['*', 'users-*', '*.internal', 'a*b*c', '*:8080', 'users', '[::1]:*'])(
  'pattern %s is allowed',
  (pattern) => {
    expect(patternFault(pattern)).toBeUndefined()
  },
)
