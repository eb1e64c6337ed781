import { describe, expect, it } from 'vitest'
import { RouteTable } from '../../lib/cli/proxy/routes.js'
import { runCli, temporaryFile } from './cli-process.js'

const check = async (name: string, text: string) => {
  const file = temporaryFile(name, text)
  const { code, stdout, stderr } = await runCli(['proxy', '--config', file, '--check'])
  return { code, stdout: stdout.replaceAll(file, 'FILE'), stderr: stderr.replaceAll(file, 'FILE') }
}

describe('fairlead proxy --check', () => {
  it('accepts YAML and JSON', async () => {
    const yaml =
      'services:\n  users:\n    endpoints: [http://10.0.0.1:8080, http://10.0.0.2:8080]\n    policy: random\n'
    const right = { code: 0, stdout: 'fairlead proxy: FILE is right (users: 2 endpoints)\n', stderr: '' }
    expect(await check('proxy.yaml', yaml)).toEqual(right)
    const json = JSON.stringify(
      { services: { users: { endpoints: ['http://10.0.0.1', 'http://10.0.0.2'] } } },
      null,
      '\t',
    )
    expect(await check('proxy.json', json)).toEqual(right)
  })

  it('says every fault at once, each with its line and path', async () => {
    const text = [
      'listen: { prt: 80 }',
      'routes:',
      '  - path: users',
      '    service: user',
      '  - { service: users, path: /a, hots: x }',
      '  - { service: users, path: /a }',
      'services:',
      '  users:',
      '    endpoints: [http://10.0.0.1:8080/path]',
      '    polcy: random',
      'ruls: []',
    ].join('\n')
    const { code, stdout, stderr } = await check('proxy.yaml', text)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr.replace(/(: an? endpoint URL|; an endpoint URL).*/, '')).toBe(
      [
        'fairlead: FILE has 8 faults:',
        '  line 1: listen.prt: unknown key `prt`; did you mean `port`?',
        '  line 3: routes[0].path: must be a path that begins with `/`, not "users"',
        '  line 4: routes[0].service: "user" is not a service; there is only users',
        '  line 5: routes[1].hots: unknown key `hots`; known keys: `host`, `path`, `service`',
        '  line 6: routes[2]: has the host and path of routes[1]',
        '  line 9: services.users.endpoints[0]: "http://10.0.0.1:8080/path" has path `/path`',
        '  line 10: services.users.polcy: unknown key `polcy`; did you mean `policy`?',
        '  line 11: ruls: unknown key `ruls`; did you mean `rules`?',
        '',
      ].join('\n'),
    )
  })

  it.each([
    ['services:\n  a: [\n b: c\n', /^ {2}line 3, column 2: /m],
    ['services: {}\nservices: {}\n', /^ {2}line 2, column 1: Map keys must be unique/m],
    ['{ "services": { "a": { "endpoints": [] }, } ', /^ {2}line 1, column \d+: /m],
    ['', /the file: must be an object with `services`, not null/],
    ['services: {}', /^ {2}line 1: services: is empty; a proxy needs a service/m],
    [
      'services: { a: { endpoints: [] }, b: { endpoints: [] } }',
      /routes: is missing; with 2 services it has to say/,
    ],
    [
      'listen: { port: 65536 }\nservices: { a: { endpoints: [] } }',
      /line 1: listen\.port: must be a whole number, 0 to 65,535, not 65536/,
    ],
  ])('refuses %j', async (text, message) => {
    const { code, stderr } = await check('proxy.yaml', text)
    expect(stderr).toMatch(message)
    expect(code).toBe(1)
  })
})

describe('the routes of a proxy', () => {
  const table = new RouteTable(
    [
      { path: '/', service: 'root' },
      { path: '/a', service: 'a' },
      { path: '/a/b/', service: 'b' },
      { host: 'h.example', path: '/a', service: 'host-a' },
    ],
    ['root', 'a', 'b', 'host-a'],
  )

  it.each([
    ['x', '/', 'root'],
    ['x', '/a', 'a'],
    ['x', '/a?b=/a/b/', 'a'],
    ['x', '/a/x', 'a'],
    ['x', '/ab', 'root'],
    ['x', '/a/b', 'a'],
    ['x', '/a/b/', 'b'],
    ['x', '/a/b/c', 'b'],
    [undefined, '/a', 'a'],
    ['h.example', '/a', 'host-a'],
    ['H.Example:8080', '/a/b/c', 'host-a'],
    ['h.example.', '/a', 'host-a'],
    ['h.example', '/c', 'root'],
    ['other.h.example', '/a', 'a'],
  ])('of host %s and path %s is %s', (host, path, service) => {
    expect(table.choose(host, path)).toBe(service)
  })

  it('are none where none is right', () => {
    expect(new RouteTable([{ path: '/a', service: 'a' }], ['a']).choose('x', '/b')).toBeUndefined()
  })

  it('are not needed with one service', () => {
    expect(new RouteTable([], ['only']).choose('x', '/')).toBe('only')
  })
})
