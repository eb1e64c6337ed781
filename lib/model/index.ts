/** The words of the domain, as types: what every stage of a request's way speaks of. No code here. */
export type * from './admission-control-stats.js'
export type * from './dispatcher.js'
export type * from './endpoint.js'
export type * from './options.generated.js'
export type * from './policy.js'
export type * from './request.js'
export type * from './service.js'
