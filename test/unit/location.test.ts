import { expect, it } from 'vitest'
import { rewriteLocation } from '../../lib/clients/location.js'

const rewritten = (status: number, location: string): string => {
  const headers = [Buffer.from('X-One'), Buffer.from('1'), Buffer.from('Location'), Buffer.from(location)]
  const result = rewriteLocation(status, headers, 'http://10.0.0.1:80', 'http://users')
  expect(headers[3].toString()).toBe(location)
  expect(result[1].toString()).toBe('1')
  return result[3].toString()
}

it.each([
  [302, 'http://10.0.0.1:8080/x', 'http://10.0.0.1:8080/x'],
  [302, 'http://10.0.0.1:80@evil.example/x', 'http://10.0.0.1:80@evil.example/x'],
  [302, '/relative', '/relative'],
  [302, 'not a url', 'not a url'],
  [200, 'http://10.0.0.1:9/x', 'http://10.0.0.1:9/x'],
])('%i %s stays', (status, location, expected) => expect(rewritten(status, location)).toBe(expected))

it.each([301, 302, 303, 307, 308, 201])('%i on the endpoint goes to the service', (status) => {
  const headers = [Buffer.from('location'), Buffer.from('http://10.0.0.1:8080/a?b#c')]
  const [, value] = rewriteLocation(status, headers, 'http://10.0.0.1:8080', 'http://users')
  expect(value.toString()).toBe('http://users/a?b#c')
})
