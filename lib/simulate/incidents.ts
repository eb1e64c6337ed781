import type { IncidentConfig } from './config.js'

/** What is wrong with an endpoint at one time. */
export interface Trouble {
  /** Service takes that many times as long. */
  slowBy: number
  fail: IncidentConfig['fail']
  /** Share of the requests that fail. */
  share: number
  /** Share of the requests that are long polls, and how long these take, ms. */
  pollShare: number
  pollMs: number
}

export const noTrouble = (): Trouble => ({ slowBy: 1, fail: undefined, share: 1, pollShare: 0, pollMs: 0 })

/** Of two at one time: an endpoint that refuses connections cannot hang, and one that hangs says nothing. */
const GRAVITY = { status: 1, hang: 2, refuse: 3 } as const

/** @param now ms since the simulation began */
export function troubleAt(incidents: readonly IncidentConfig[], now: number, trouble: Trouble): Trouble {
  trouble.slowBy = 1
  trouble.fail = undefined
  trouble.share = 1
  trouble.pollShare = 0
  trouble.pollMs = 0
  for (const incident of incidents) {
    if (!isOn(incident, now)) continue
    const { slowBy = 1, fail, share = 1, longPolls } = incident
    trouble.slowBy *= slowBy
    if (longPolls !== undefined) {
      trouble.pollShare = longPolls.share
      trouble.pollMs = longPolls.ms
    }
    if (fail === undefined || (trouble.fail !== undefined && GRAVITY[trouble.fail] > GRAVITY[fail])) continue
    trouble.fail = fail
    trouble.share = fail === 'status' ? share : 1
  }
  return trouble
}

function isOn({ fromMs, untilMs, everyMs, forMs }: IncidentConfig, now: number): boolean {
  if (now < fromMs || now >= untilMs) return false
  return everyMs === undefined || forMs === undefined || (now - fromMs) % everyMs < forMs
}

/** Until when an endpoint hangs that hangs now, ms since the simulation began; `now` where it does not. */
export function hangsUntil(incidents: readonly IncidentConfig[], now: number): number {
  let until = now
  for (const incident of incidents) {
    if (incident.fail !== 'hang' || !isOn(incident, now)) continue
    const { fromMs, untilMs, everyMs, forMs } = incident
    const begun = everyMs === undefined ? fromMs : now - ((now - fromMs) % everyMs)
    until = Math.max(until, forMs === undefined ? untilMs : Math.min(untilMs, begun + forMs))
  }
  return until
}

/** The times at which connections break: when an endpoint begins to refuse them. */
export function breaksOf(incidents: readonly IncidentConfig[]): number[] {
  return incidents
    .filter(({ fail }) => fail === 'refuse')
    .flatMap(({ fromMs, untilMs, everyMs }) => {
      if (everyMs === undefined) return [fromMs]
      const count = Math.ceil((untilMs - fromMs) / everyMs)
      return Array.from({ length: count }, (_, i) => fromMs + i * everyMs)
    })
}
