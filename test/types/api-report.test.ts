/** What the package exports is what docs/api/ says: no change of the public surface goes unnoticed. */
import { expect, it } from 'vitest'
import { apiReports } from '../../scripts/api-report.mjs'

it('every export is in the checked-in report, as it is, and has a docstring', async () => {
  expect(await apiReports({ write: false })).toEqual([])
})
