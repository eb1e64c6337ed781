/** ms of the machine's monotonic clock: the same in all processes of a run, so that their times can be compared. */
export const monotonicMs = (): number => Number(process.hrtime.bigint() / 1_000n) / 1_000
