import { expect, it } from 'vitest'
import { mayHaveLocation, rewriteLocation } from '../../lib/clients/location.js'

const rewritten = (location: string): string => {
  const headers = [Buffer.from('X-One'), Buffer.from('1'), Buffer.from('Location'), Buffer.from(location)]
  const result = rewriteLocation(headers, 'http://10.0.0.1:80', 'http://users')
  expect(headers[3].toString()).toBe(location)
  expect(result[1].toString()).toBe('1')
  return result[3].toString()
}

it.each(['http://10.0.0.1:8080/x', 'http://10.0.0.1:80@evil.example/x', '/relative', 'not a url'])(
  '%s stays',
  (location) => expect(rewritten(location)).toBe(location),
)

it('has a meaning in redirects and 201 only', () => {
  expect([200, 201, 204, 300, 302, 399, 400, 503].filter(mayHaveLocation)).toEqual([201, 300, 302, 399])
})

it('on the endpoint goes to the service', () => {
  const headers = [Buffer.from('location'), Buffer.from('http://10.0.0.1:8080/a?b#c')]
  const [, value] = rewriteLocation(headers, 'http://10.0.0.1:8080', 'http://users')
  expect(value.toString()).toBe('http://users/a?b#c')
})
