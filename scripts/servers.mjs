// Servers that tests need: real ones, of the system's packages.
import { existsSync } from 'node:fs'
import { provide } from './apt.mjs'
import { say, which } from './shell.mjs'

/** Where packages put what only root is to run. */
const SBIN = ['/usr/sbin', '/usr/local/sbin']

/** Installs them where it can. What is missing all the same is said: its tests are skipped. */
export async function provideServers() {
  await provideServer('dnsmasq', 'dnsmasq-base', 'tests with a real DNS server are skipped')
  await provideServer('etcd', 'etcd-server', 'tests with a real etcd are skipped')
  await provideServer('etcdctl', 'etcd-client', 'tests with a cluster of etcd are skipped')
}

/**
 * @param {string} program
 * @param {string} name of its package in Debian
 * @param {string} without what it means where it is missing
 */
async function provideServer(program, name, without) {
  if (has(program)) return
  const installed = await provide(program, name, `your package manager on "${program}"`)
  if (!installed || !has(program)) say(without)
}

/** Why there is no cluster of etcd to test with; undefined where there may be one. */
export function missingForCluster() {
  if (process.platform !== 'linux') return 'the cluster needs Linux'
  const missing = ['etcd', 'etcdctl', 'setpriv'].filter((program) => !has(program))
  return missing.length === 0 ? undefined : `there is no ${missing.join(', no ')}`
}

/** @param {string} program */
const has = (program) =>
  which(program) !== undefined || SBIN.some((folder) => existsSync(`${folder}/${program}`))
