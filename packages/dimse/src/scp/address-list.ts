import { BlockList, isIP } from 'node:net';
import { DimseError } from '../dimse-error.ts';

/**
 * Tells whether an IP address is one of those listed, or in one of the networks (`10.0.0.0/8`, `2001:db8::/32`). An IPv4
 * address that a dual-stack socket writes as IPv6 (`::ffff:10.0.0.1`) is taken for what it is.
 *
 * Throws `DimseError` with code `LISTEN` where an entry is neither.
 */
export function createAddressList(entries: readonly string[]): (address: string) => boolean {
  // Two lists: one alone takes an IPv4 address to be in `::/0`.
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const entry of entries) add(lists, entry);
  return (address) => {
    const plain = plainAddress(address);
    if (isIP(plain) === 0) return false;
    const family = familyOf(plain);
    return lists[family].check(plain, family);
  };
}

function add(lists: Readonly<Record<'ipv4' | 'ipv6', BlockList>>, entry: string): void {
  const [address = '', prefix, ...rest] = entry.trim().split('/');
  const plain = plainAddress(address);
  const family = familyOf(plain);
  const longest = family === 'ipv4' ? 32 : 128;
  const length = prefix === undefined ? longest : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  if (isIP(plain) === 0 || rest.length > 0 || !(length <= longest)) {
    throw new DimseError(
      'LISTEN',
      `"${entry}" is no IP address nor network: write 10.1.2.3, 10.0.0.0/8 or 2001:db8::/32.`,
    );
  }
  lists[family].addSubnet(plain, length, family);
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}

function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
}
