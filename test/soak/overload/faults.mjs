// What goes wrong, and what is changed, while requests are under way: at random moments, in an order that the seed decides.
import { setTimeout as sleep } from 'node:timers/promises'
import { EXPECTED_OF_CHANGES, randomConfig, SERVICES } from './plan.mjs'

const PAUSE_MS = { least: 100, most: 600 }
const FAULT_MS = { least: 200, most: 1_500 }

export class Faults {
  /** How often each was done. */
  done = {}
  #below
  #balancer
  #workers
  #endpoints
  #urls
  #unexpected
  #timers = new Set()
  #updates = []

  /** @param endpoints takes orders */
  constructor({ below, balancer, workers, endpoints, urls, unexpected }) {
    this.#below = below
    this.#balancer = balancer
    this.#workers = workers
    this.#endpoints = endpoints
    this.#urls = urls
    this.#unexpected = unexpected
  }

  /** One after the other until that time. */
  async until(endMs) {
    const kinds = ['hang', 'kill', 'fail', 'update', 'update', 'change', 'change', 'replace', 'replace']
    while (performance.now() < endMs) {
      const kind = kinds[this.#below(kinds.length)]
      this.done[kind] = (this.done[kind] ?? 0) + 1
      this[kind]()
      await sleep(Math.min(this.#random(PAUSE_MS), Math.max(0, endMs - performance.now())))
    }
  }

  /** Resolves when all is well again, every change is in force, and every thread is at work. */
  async heal() {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    await this.#endpoints.ask('heal')
    await Promise.all(this.#updates.splice(0))
    await this.#workers.ready()
  }

  hang() {
    this.#forAWhile('hang')
  }

  kill() {
    this.#forAWhile('kill')
  }

  fail() {
    this.#forAWhile('fail')
  }

  update() {
    const config = randomConfig(this.#below, this.#urls)
    this.#updates.push(
      this.#balancer.update(config).catch((error) => {
        if (!EXPECTED_OF_CHANGES.includes(error.code)) this.#unexpected(`update: ${error.stack}`)
      }),
    )
  }

  /** A worker thread changes an endpoint. Nobody waits for its answer: it may be terminated meanwhile. */
  change() {
    void this.#workers.ask(this.#below(this.#workers.count), 'change')
  }

  /** The first one lives on, so that its heap can be compared over the whole run. */
  replace() {
    this.#updates.push(this.#workers.replace(1 + this.#below(this.#workers.count - 1)))
  }

  #forAWhile(order) {
    const id = this.#below(SERVICES.reduce((sum, { endpoints }) => sum + endpoints + 1, 0))
    void this.#endpoints.ask(order, { id })
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      void this.#endpoints.ask('heal', { id })
    }, this.#random(FAULT_MS))
    this.#timers.add(timer)
  }

  #random({ least, most }) {
    return least + this.#below(most - least)
  }
}
