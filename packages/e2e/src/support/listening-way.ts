import { openTcpRelay, type TcpRelay } from './tcp-relay.ts';

/** A TCP way to a port of this machine that keeps what clients send. */
export interface ListeningWay extends TcpRelay {
  /** What was asked for since the last call, as `C-GET`, `C-MOVE` or the first line of a request of HTTP. */
  heard(): string[];
}

/** Command Field (0000,0100) of requests, in implicit VR little endian (PS3.7 §E.1, §6.3.1). */
const DIMSE_REQUESTS = { 'C-GET': 0x10, 'C-MOVE': 0x21 };

/** Opens a way to a DIMSE or HTTP port that tells which retrievals the server was asked for. */
export async function openListeningWay(port: number): Promise<ListeningWay> {
  let sent: Buffer[] = [];
  const relay = await openTcpRelay(port, (client, peer) => {
    client.on('data', (chunk) => sent.push(chunk));
    client.pipe(peer);
    peer.pipe(client);
  });
  return {
    ...relay,
    heard() {
      const bytes = Buffer.concat(sent).toString('latin1');
      sent = [];
      const dimse = Object.entries(DIMSE_REQUESTS).flatMap(([name, field]) => {
        const element = `\x00\x00\x00\x01\x02\x00\x00\x00${String.fromCharCode(field)}\x00`;
        return bytes.split(element).slice(1).fill(name);
      });
      return [...dimse, ...(bytes.match(/^GET \S+(?= HTTP\/1\.1)/gm) ?? [])];
    },
  };
}
