import type { PolicyResult } from '../results.js'
import { draw } from './draw.js'
import { goodputSpec } from './goodput.js'
import { latencySpec } from './latency.js'
import { loadSpec } from './load.js'

/**
 * Draws the percentiles of latency by policy: p50, p90, p99 and p99.9, in ms and s, on a logarithmic scale.
 *
 * The text of an SVG document that stands for itself: it has a light and a dark look, and each mark says its value under
 * the pointer. The same results and title give the same text with the same version of Vega. Drawn by the package `vega`, an optional dependency
 * (`npm install vega@6`).
 *
 * @param title - Headline; a long one takes several lines.
 * @throws MissingPackageError where `vega` cannot be loaded.
 * @example
 * ```ts
 * const results = await simulate({ ...config, policies: ['peak-ewma', 'round-robin'] })
 * await writeFile('latency.svg', await plotLatency(results, 'One slow endpoint of ten'))
 * ```
 */
export async function plotLatency(results: readonly PolicyResult[], title: string): Promise<string> {
  return draw(latencySpec(results), title)
}

/**
 * Draws how many of the requests that were sent each endpoint got, in percent, by policy; a dashed line is where each would
 * be in equal shares. Otherwise as {@link plotLatency}.
 *
 * @param title - Headline; a long one takes several lines.
 * @throws MissingPackageError where `vega` cannot be loaded.
 * @example
 * ```ts
 * await writeFile('load.svg', await plotLoad(results, 'One slow endpoint of ten'))
 * ```
 */
export async function plotLoad(results: readonly PolicyResult[], title: string): Promise<string> {
  return draw(loadSpec(results), title)
}

/**
 * Draws goodput over time by policy, requests a second that are answered within their deadline, beside the load that was offered
 * and what the endpoints can answer. Otherwise as {@link plotLatency}.
 *
 * @param title - Headline; a long one takes several lines.
 * @throws MissingPackageError where `vega` cannot be loaded.
 * @example
 * ```ts
 * await writeFile('goodput.svg', await plotGoodput(results, 'Two and four times the capacity'))
 * ```
 */
export async function plotGoodput(results: readonly PolicyResult[], title: string): Promise<string> {
  return draw(goodputSpec(results), title)
}
