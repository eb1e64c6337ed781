import type { Timers } from '../runtime/timers.js'
import { startDns } from './dns.js'
import { startEtcd } from './etcd/etcd.js'
import { startFile } from './file.js'
import { startHttp } from './http.js'
import { startKubernetes } from './kubernetes/kubernetes.js'
import type { ResolvedSource } from './options.js'
import { startOwn } from './own.js'
import type { RunningSource, SourceSink } from './source.js'

/** Begins to look where the source says. A new kind of source goes here, and its options into `options.ts`. */
export function startSource(source: ResolvedSource, sink: SourceSink, timers: Timers): RunningSource {
  switch (source.kind) {
    case 'dns':
      return startDns(source.options, sink, timers)
    case 'file':
      return startFile(source.options, sink, timers)
    case 'http':
      return startHttp(source.options, sink, timers)
    case 'kubernetes':
      return startKubernetes(source.options, sink, timers)
    case 'etcd':
      return startEtcd(source.options, source.maxEndpoints, sink, timers)
    case 'own':
      return startOwn(source, sink)
  }
}
