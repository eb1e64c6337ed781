/** The options of nodes and links: what a `Topology` is told of a machine room and of the lines between regions. */
import { id, MAX_MS, place } from '../options/common.js'
import { choice, flag, group, list, number, record, text, ts } from '../options/kinds.js'
import { WEIGHT } from '../topology/options.js'

/** Tbit/s in Mbit/s. */
const MAX_MBPS = 1_000_000
/** Of capabilities, bridges and services that one node or link may name. */
export const MAX_TAGS = 64
const MAX_TAG_LENGTH = 256

const region = (about: string) =>
  text({
    right: `text of 1 to ${MAX_TAG_LENGTH} characters`,
    minLength: 1,
    maxLength: MAX_TAG_LENGTH,
    required: true,
    about,
  })

const latency = (about: string, defaultText: string) =>
  number({ min: 0, max: MAX_MS, unit: 'ms', defaultText, about })

const bandwidth = (about: string) =>
  number({ min: 0, above: true, max: MAX_MBPS, unit: 'Mbit/s', defaultText: 'not known', about })

const tags = (about: string) =>
  list(
    text({ right: `text of 1 to ${MAX_TAG_LENGTH} characters`, minLength: 1, maxLength: MAX_TAG_LENGTH }),
    {
      right: `an array of at most ${MAX_TAGS} texts`,
      default: [],
      defaultText: '`[]`',
      about,
    },
  )

export const NODE = group(
  {
    id: id({ required: true, about: 'Unique within the topology.' }),
    region: place('Region that the node is in.'),
    zone: place('Zone that the node is in.'),
    dataCenter: place('Data centre that the node is in.'),
    capabilities: tags('What it has that others lack, by names of your own: `gpu`, `ssd`.'),
    services: record('an object of URLs by service', {
      range: 'URLs by service',
      ts: ts<Readonly<Record<string, string>>>('Readonly<Record<string, string>>'),
      default: {},
      defaultText: '`{}`',
      about: 'Services that it serves, each with the origin where: `{ users: "http://10.0.0.1:8080" }`.',
    }),
    weight: WEIGHT,
    bandwidthMbps: bandwidth('What its line takes.'),
    latencyMs: latency('Round trip to it within its region.', 'not known'),
    state: choice(['up', 'drain', 'down'], {
      default: 'up',
      about: '`drain` and `down` get no new requests; as a bridge only `up` and `drain` count.',
    }),
    metadata: record('an object', {
      ts: ts<Readonly<Record<string, unknown>>>('Readonly<Record<string, unknown>>'),
      default: {},
      defaultText: '`{}`',
      about: 'Plain data of your own.',
    }),
  },
  { name: 'NodeConfig', right: 'an object with `id`', summary: 'A node of a `Topology`.' },
)

export const LINK = group(
  {
    from: region('Region at its one end.'),
    to: region('Region at its other end. A link leads both ways.'),
    latencyMs: number({ min: 0, max: MAX_MS, unit: 'ms', required: true, about: 'Round trip over it.' }),
    bandwidthMbps: bandwidth('What it takes.'),
    reliability: number({
      min: 0,
      above: true,
      max: 1,
      default: 1,
      about: 'Share of what is sent over it that arrives.',
    }),
    bridges: tags(
      'Ids of the nodes that carry it. Where some are named and none of them is there and up, the link is cut.',
    ),
  },
  {
    name: 'LinkConfig',
    right: 'an object with `from` and `to`',
    summary: 'A link between two regions of a `Topology`.',
  },
)

export const MEASUREMENT = group(
  {
    from: region('Region that it was measured in.'),
    to: region('Region that it was measured to.'),
    latencyMs: latency('Round trip.', 'not known'),
    loss: number({ min: 0, max: 1, default: 0, about: 'Share of what was sent that was not answered.' }),
    bandwidthMbps: bandwidth('What was sent in a second.'),
    isCut: flag({ default: false, about: 'Nobody there can be reached.' }),
  },
  {
    name: 'MeasurementConfig',
    right: 'an object with `from` and `to`',
    summary: 'What was measured between two regions of a `Topology`, by its monitor or by others.',
  },
)
