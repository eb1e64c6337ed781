export const plotResults = 1
