/** The life of a proxy: start, signals, reload, stop. */
import { Balancer } from '../../clients/balancer.js'
import type { BalancedDispatcher } from '../../clients/dispatcher.js'
import { engine } from '../../engine/index.js'
import { EXIT, explain } from '../report.js'
import { setUpCollector } from './collector.js'
import { describeServices, type ProxyConfig, readProxyConfig } from './config.js'
import { openConnections } from './endpoint-connections.js'
import { FailureLog } from './failure-log.js'
import { authority } from './headers.js'
import { RouteTable } from './routes.js'
import { ProxyServer } from './server.js'
import { TimeoutCounts } from './timeout-counts.js'

export interface ProxyOptions {
  readonly config: string
  readonly port?: number
  readonly host?: string
  readonly check?: boolean
}

const say = (text: string): void => void process.stdout.write(`fairlead proxy: ${text}\n`)
const complain = (text: string): void => void process.stderr.write(`fairlead proxy: ${text}\n`)

/** Runs until a signal ends it. Throws where it cannot begin. */
export async function runProxy(file: string, config: ProxyConfig, options: ProxyOptions): Promise<void> {
  setUpCollector()
  await new RunningProxy(file, config, options).run()
}

class RunningProxy {
  readonly #file: string
  readonly #options: ProxyOptions
  readonly #balancer: Balancer
  readonly #server: ProxyServer
  readonly #log = new FailureLog(complain)
  readonly #timeouts = new TimeoutCounts()
  #config: ProxyConfig
  #routes: RouteTable
  /** Reloads go one after another. */
  #reloading: Promise<void> = Promise.resolve()

  constructor(file: string, config: ProxyConfig, options: ProxyOptions) {
    this.#file = file
    this.#options = options
    this.#config = config
    this.#routes = routesOf(config)
    // Its requests go over connections that cost less than undici's.
    this.#balancer = new Balancer(config.balancer, undefined, openConnections)
    this.#server = new ProxyServer({
      route: (host, path) => this.#routes.choose(host, path),
      passesHost: (service) => this.#config.balancer.services[service]?.client?.host === 'request',
      dispatcher: this.#balancer.dispatcher() as BalancedDispatcher,
      listen: config.listen,
      onFailure: (failure, error) => this.#log.add(failure, error.message),
      onTimeout: (kind, failure) => {
        this.#timeouts.add(kind)
        if (failure !== undefined) this.#log.add(failure)
      },
    })
  }

  async run(): Promise<void> {
    const stopped = this.#untilSignal()
    process.on('SIGHUP', () => {
      this.#reloading = this.#reloading.then(() => this.#reload())
    })
    this.#balancer.on('endpoint', ({ type, service, endpoint, state, reason }) => {
      say(`${service}: ${endpoint.id} ${type}, now ${state}: ${reason}`)
    })
    this.#balancer.on('source', ({ type, service, source, reason }) => {
      const tell = type === 'failed' || type === 'held' ? complain : say
      tell(`${service}: ${source} ${type}: ${reason}`)
    })
    await this.#balancer.start()
    const { host, port } = this.#config.listen
    const address = await this.#server.listen(this.#options.port ?? port, this.#options.host ?? host)
    say(
      `listening on http://${authority(address.address, address.port)} (${describeServices(this.#config)}; ${engine.kind} engine)`,
    )
    const signal = await stopped
    const { drainMs } = this.#config.listen
    say(`${signal}: waiting up to ${drainMs} ms for requests in flight`)
    const deadline = performance.now() + drainMs
    await this.#server.close(drainMs)
    await this.#balancer.stop({ drainMs: Math.max(0, deadline - performance.now()) })
    this.#log.flush()
    if (this.#timeouts.any) say(`time-outs of clients: ${this.#timeouts}`)
    say('stopped')
    // Nothing that a client or an endpoint holds open shall keep the process.
    process.exit(EXIT.OK)
  }

  /** A second signal ends the process at once. */
  #untilSignal(): Promise<string> {
    return new Promise((settle) => {
      let first = true
      const stop = (signal: 'SIGTERM' | 'SIGINT') => {
        if (!first) process.exit(signal === 'SIGINT' ? EXIT.INTERRUPTED : EXIT.TERMINATED)
        first = false
        settle(signal)
      }
      process.on('SIGTERM', stop)
      process.on('SIGINT', stop)
    })
  }

  async #reload(): Promise<void> {
    try {
      const next = readProxyConfig(this.#file)
      await this.#balancer.update(next.balancer)
      this.#routes = routesOf(next)
      const same = JSON.stringify(next.listen) === JSON.stringify(this.#config.listen)
      this.#config = { ...next, listen: this.#config.listen }
      say(`configuration read again: ${describeServices(next)}`)
      if (!same) complain('what changed under `listen` takes effect at the next start')
    } catch (error) {
      process.stderr.write(explain(error))
      complain('the new configuration was refused, the old one goes on')
    }
  }
}

const routesOf = ({ routes, balancer }: ProxyConfig): RouteTable =>
  new RouteTable(routes, Object.keys(balancer.services))
