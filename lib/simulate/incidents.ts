import type { IncidentConfig } from './config.js'

/** What is wrong with an endpoint at one time. */
export interface Trouble {
  /** Service takes that many times as long. */
  slowBy: number
  fail: 'status' | 'refuse' | undefined
  /** Share of the requests that fail. */
  share: number
}

/** @param now ms since the simulation began */
export function troubleAt(incidents: readonly IncidentConfig[], now: number, trouble: Trouble): Trouble {
  trouble.slowBy = 1
  trouble.fail = undefined
  trouble.share = 1
  for (const incident of incidents) {
    if (!isOn(incident, now)) continue
    trouble.slowBy *= incident.slowBy ?? 1
    if (incident.fail === undefined || trouble.fail === 'refuse') continue
    trouble.fail = incident.fail
    trouble.share = incident.fail === 'refuse' ? 1 : (incident.share ?? 1)
  }
  return trouble
}

function isOn({ fromMs, untilMs, everyMs, forMs }: IncidentConfig, now: number): boolean {
  if (now < fromMs || now >= untilMs) return false
  return everyMs === undefined || forMs === undefined || (now - fromMs) % everyMs < forMs
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
