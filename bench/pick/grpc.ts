/**
 * The pick of grpc-js's `round_robin`: its own picker over its own leaf pickers, as a channel would get it. Reached by
 * the `experimental` interface for load balancers; only the subchannels are stand-ins, which are ready at once. It
 * records nothing.
 */
import { connectivityState, experimental, Metadata } from '@grpc/grpc-js'
import { timedLoop } from './timed-loop.js'

type Subchannel = ReturnType<experimental.ChannelControlHelper['createSubchannel']>

const nothing = (): void => {}

function readySubchannel(name: string): Subchannel {
  const subchannel = {
    getConnectivityState: () => connectivityState.READY,
    addConnectivityStateListener: nothing,
    removeConnectivityStateListener: nothing,
    startConnecting: nothing,
    getAddress: () => name,
    throttleKeepalive: nothing,
    ref: nothing,
    unref: nothing,
    isHealthy: () => true,
    addHealthStateWatcher: nothing,
    removeHealthStateWatcher: nothing,
    addDataWatcher: nothing,
    getChannelzRef: () => ({ kind: 'subchannel', id: 0, name }),
    getRealSubchannel: () => subchannel,
    realSubchannelEquals: (other: unknown) => other === subchannel,
  }
  return subchannel as unknown as Subchannel
}

function roundRobinPicker(endpoints: number): experimental.Picker {
  let picker: experimental.Picker | undefined
  const balancer = new experimental.ChildLoadBalancerHandler({
    createSubchannel: (address) => readySubchannel(experimental.subchannelAddressToString(address)),
    updateState(state, next) {
      if (state === connectivityState.READY) picker = next
    },
    requestReresolution: nothing,
    addChannelzChild: nothing,
    removeChannelzChild: nothing,
  })
  const list = Array.from({ length: endpoints }, (_, i) => ({
    addresses: [{ host: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, port: 8080 }],
  }))
  const config = experimental.parseLoadBalancingConfig({ round_robin: {} })
  balancer.updateAddressList(experimental.statusOrFromValue(list), config, {}, '')
  if (picker === undefined) throw new Error('grpc-js made no picker')
  return picker
}

export function prepare({ endpoints }: { endpoints: number }) {
  const picker = roundRobinPicker(endpoints)
  const pickArgs = { metadata: new Metadata(), extraPickInfo: {} }
  const first = picker.pick(pickArgs).subchannel
  for (let i = 1; i < endpoints; i++) {
    if (picker.pick(pickArgs).subchannel === first)
      throw new Error(`grpc-js balances over ${i} endpoints, not ${endpoints}`)
  }
  let last: unknown
  return timedLoop(() => {
    const { subchannel } = picker.pick(pickArgs)
    const same = subchannel === last ? 1 : 0
    last = subchannel
    return same
  })
}
