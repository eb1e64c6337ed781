/** The network of a cluster's tests: made, cut and removed, for real. Skipped where namespaces cannot be made. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { output } from './commands.js'
import { NamespaceNetwork, namespaceNames, sweepNamespaces, whyNoNamespaces } from './namespaces.js'
import type { Host } from './network.js'

const why = await whyNoNamespaces()
const networks: NamespaceNetwork[] = []

afterEach(async () => {
  for (const network of networks.splice(0)) await network.close()
})

async function hosts(...names: string[]): Promise<Host[]> {
  const network = new NamespaceNetwork()
  networks.push(network)
  const made = []
  for (const name of names) made.push(await network.addHost(name))
  return made
}

/** Node in a host: whether a datagram of `from` reaches `to`. */
async function reaches(from: Host, to: Host, way: 'control' | 'data'): Promise<boolean> {
  const address = to.address[way]
  const receiver = `
    const socket = require('node:dgram').createSocket('udp4')
    socket.on('message', (text) => { console.log(String(text)); process.exit() })
    socket.bind(9999, '${address}', () => process.stderr.write('bound'))
    setTimeout(() => process.exit(), 1500)`
  const sender = `
    const socket = require('node:dgram').createSocket('udp4')
    let left = 10
    const send = () => socket.send('there', 9999, '${address}', () => left-- > 0 ? setTimeout(send, 50) : socket.close())
    send()`
  const [program, ...args] = [...to.prefix, process.execPath, '-e', receiver]
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let heard = ''
  child.stdout.on('data', (chunk) => (heard += chunk))
  const ended = once(child, 'close')
  await once(child.stderr, 'data')
  await output([...from.prefix, process.execPath, '-e', sender])
  await ended
  return heard.includes('there')
}

describe.skipIf(why !== undefined)(`namespaces${why === undefined ? '' : ` (skipped: ${why})`}`, () => {
  test('hosts reach each other over both ways; nothing is left when the network is closed', async () => {
    const before = await output(['ip', '-brief', 'link'])
    const [a, b] = await hosts('a', 'b')
    expect(await output(['ip', '-brief', 'link'])).toBe(before)
    expect(await reaches(a, b, 'control')).toBe(true)
    expect(await reaches(b, a, 'data')).toBe(true)
    await networks[0].close()
    const left = (await namespaceNames()).filter((name) => name.startsWith(`fairlead-${process.pid}-`))
    expect(left).toEqual([])
  })

  test('a cut takes one way alone, in both directions or in one, and heals', async () => {
    const [a, b] = await hosts('a', 'b')
    await a.cut('control', 'both')
    expect(await reaches(a, b, 'control')).toBe(false)
    expect(await reaches(a, b, 'data')).toBe(true)
    await a.heal('control')
    expect(await reaches(a, b, 'control')).toBe(true)
    await a.cut('control', 'sent')
    expect(await reaches(a, b, 'control')).toBe(false)
    expect(await reaches(b, a, 'control')).toBe(true)
    await a.heal('control')
    await a.cut('control', 'received')
    expect(await reaches(a, b, 'control')).toBe(true)
    expect(await reaches(b, a, 'control')).toBe(false)
    await a.heal('control')
    expect(await reaches(b, a, 'control')).toBe(true)
  }, 60_000)

  test('what a killed run has left is swept, with its processes; what is of a live one stays', async () => {
    const [own] = await hosts('own')
    const dead = spawn('true')
    await once(dead, 'exit')
    const name = `fairlead-${dead.pid}-1-left`
    await output(['ip', 'netns', 'add', name])
    const sleeper = spawn('ip', ['netns', 'exec', name, 'sleep', '60'])
    const ended = once(sleeper, 'exit')
    await once(sleeper, 'spawn')
    // `ip` has entered the namespace when it is the one that is listed.
    while (!(await output(['ip', 'netns', 'pids', name])).includes(String(sleeper.pid)));
    expect(await sweepNamespaces()).toContain(name)
    expect(await ended).toEqual([null, 'SIGKILL'])
    const names = await namespaceNames()
    expect(names).not.toContain(name)
    expect(names.some((one) => one.endsWith('-own') && one.startsWith(`fairlead-${process.pid}-`))).toBe(true)
    expect(own.address.control).toBe('10.77.1.1')
  })
})
