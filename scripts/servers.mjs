// Servers that tests need: real ones, of the system's packages.
import { existsSync } from 'node:fs'
import { provide } from './apt.mjs'
import { say, which } from './shell.mjs'

/** Where packages put what only root is to run. */
const SBIN = ['/usr/sbin', '/usr/local/sbin']

/** A program of each, its package in Debian, and whose tests are skipped without it. */
const SERVERS = [
  { program: 'dnsmasq', name: 'dnsmasq-base', of: 'a real DNS server' },
  { program: 'etcd', name: 'etcd-server', of: 'a real etcd' },
  { program: 'etcdctl', name: 'etcd-client', of: 'a real cluster of etcd' },
]

/** Installs them where it can. What is missing all the same is said: its tests are skipped. */
export async function provideServers() {
  for (const { program, name, of } of SERVERS) {
    if (has(program)) continue
    const installed = await provide(program, name, `your package manager on "${program}"`)
    if (!installed || !has(program)) say(`tests with ${of} are skipped`)
  }
}

/** Why there is no cluster of etcd to test with; undefined where there may be one. */
export function missingEtcd() {
  const missing = ['etcd', 'etcdctl', 'setpriv'].filter((program) => !has(program))
  if (process.platform !== 'linux') return 'its cluster needs Linux'
  return missing.length === 0 ? undefined : `there is no ${missing.join(', no ')}`
}

/** @param {string} program */
const has = (program) =>
  which(program) !== undefined || SBIN.some((folder) => existsSync(`${folder}/${program}`))
