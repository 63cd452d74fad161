import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import type { Registration } from '@adit/client';
import type { PresentReceiver } from '../receiver/store.ts';

/** Addresses of this machine that a PACS may be told, the likeliest first. */
export function addressesOfThisMachine(interfaces = networkInterfaces()): string[] {
  return Object.entries(interfaces)
    .flatMap(([name, addresses]) => (addresses ?? []).map((address) => ({ ...address, name })))
    .filter((address) => !isLinkLocal(address))
    .sort((a, b) => rank(a) - rank(b))
    .map(({ address }) => address);
}

/** Addresses of containers' bridges reach nobody outside; loopback nobody but this machine. */
function rank({ internal, family, name }: NetworkInterfaceInfo & { name: string }): number {
  const virtual = /^(docker|br-|veth|virbr|cni|flannel|cali)/.test(name);
  return (internal ? 4 : 0) + (virtual ? 2 : 0) + (family === 'IPv6' ? 1 : 0);
}

function isLinkLocal({ address }: NetworkInterfaceInfo): boolean {
  return /^fe[89ab]/i.test(address) || address.startsWith('169.254.');
}

/**
 * What to register of ADIT at a PACS.
 *
 * @param receivers that are present, on whichever machine
 */
export function describeRegistration(
  { aeTitle, receiverPort }: { aeTitle: string; receiverPort: number },
  receivers: readonly PresentReceiver[],
): Registration {
  const [receiver] = receivers;
  return {
    callingAeTitle: aeTitle,
    receiverAeTitle: aeTitle,
    receiverPort: receiver?.port ?? receiverPort,
    receiverListening: receiver !== undefined,
    addresses: [...(receiver?.addresses ?? addressesOfThisMachine())],
  };
}
