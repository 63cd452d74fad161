import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import type { Registration } from '@adit/client';

/** Addresses of this machine that a PACS may be told, the likeliest first. */
function addressesOf(interfaces: ReturnType<typeof networkInterfaces>): string[] {
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

/** What to register of this server at a PACS. */
export function describeRegistration(
  server: { aeTitle: string; receiverPort: number; receiverListening: boolean },
  interfaces = networkInterfaces(),
): Registration {
  return {
    callingAeTitle: server.aeTitle,
    receiverAeTitle: server.aeTitle,
    receiverPort: server.receiverPort,
    receiverListening: server.receiverListening,
    addresses: addressesOf(interfaces),
  };
}
