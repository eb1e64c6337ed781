// Servers that tests need: real ones, of the system's packages.
import { existsSync } from 'node:fs'
import { provide } from './apt.mjs'
import { say, which } from './shell.mjs'

/** Where packages put what only root is to run. */
const SBIN = ['/usr/sbin', '/usr/local/sbin']

/** Installs them where it can. What is missing all the same is said: its tests are skipped. */
export async function provideServers() {
  if (has('dnsmasq')) return
  const installed = await provide('dnsmasq', 'dnsmasq-base', 'your package manager on "dnsmasq"')
  if (!installed || !has('dnsmasq')) say('tests with a real DNS server are skipped')
}

/** @param {string} program */
const has = (program) =>
  which(program) !== undefined || SBIN.some((folder) => existsSync(`${folder}/${program}`))
