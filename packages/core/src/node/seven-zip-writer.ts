import type { FileHandle } from 'node:fs/promises';
import { concatBytes } from '../data/bytes.ts';
import { DicomError } from '../errors.ts';
import { nodeCrypto, nodeZlib } from './lazy-builtins.ts';

/*
 * The container of 7-Zip as its sources describe it (DOC/7zFormat.txt, DOC/Methods.txt): a signature header of 32 bytes,
 * the streams of the files, and a header that tells of them. Files are copied or encrypted, each by itself; nothing is
 * compressed. The header is written last, so that files can be of any length and come one after the other.
 */

/** Ids of the parts of a header. */
const Id = {
  end: 0x00,
  header: 0x01,
  mainStreamsInfo: 0x04,
  filesInfo: 0x05,
  packInfo: 0x06,
  unpackInfo: 0x07,
  size: 0x09,
  crc: 0x0a,
  folder: 0x0b,
  codersUnpackSize: 0x0c,
  names: 0x11,
  encodedHeader: 0x17,
} as const;

const COPY = Uint8Array.of(0x00);
const AES_256_SHA_256 = Uint8Array.of(0x06, 0xf1, 0x07, 0x01);

const SIGNATURE_HEADER = 32;
const BLOCK = 16;
/** Rounds of SHA-256 that make a key of a password: two to the power of this, as 7-Zip itself has it. */
const CYCLES_POWER = 19;

/** A file, or a header, in the archive. */
interface Stream {
  /** In the archive's file. */
  position: number;
  packed: number;
  unpacked: number;
  crc: number;
  /** Of an encrypted one. */
  iv?: Uint8Array;
}

/** Writes an archive to an open file, whose content it replaces. */
export class SevenZipWriter {
  readonly #file: FileHandle;
  readonly #encryption: { key: Uint8Array; salt: Uint8Array } | undefined;
  readonly #entries: (Stream & { name: string })[] = [];
  #position = SIGNATURE_HEADER;
  #headers: Stream[] = [];

  constructor(file: FileHandle, password: string | undefined) {
    this.#file = file;
    if (password === undefined) return;
    const salt = nodeCrypto().randomBytes(16);
    this.#encryption = { salt, key: keyOf(password, salt) };
  }

  /** Adds a file. Where its bytes end in an error, the next one takes its place. */
  async add(name: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    this.#entries.push({ name, ...(await this.#write(bytes)) });
  }

  async end(): Promise<void> {
    const header = this.#header();
    this.#headers = [];
    let last = await this.#write([header], { plain: this.#encryption === undefined });
    if (this.#encryption) {
      this.#headers.push(last);
      const encoded = concatBytes([
        Uint8Array.of(Id.encodedHeader),
        this.#streamsInfo([last]),
        Uint8Array.of(Id.end),
      ]);
      last = await this.#write([encoded], { plain: true });
    }
    this.#headers.push(last);
    await writeAll(this.#file, signatureHeader(last), 0);
    await this.#file.truncate(this.#position);
  }

  /** The files once more, out of a file that should hold what was written. Throws `DAMAGED` when its headers are not so. */
  async *readAgain(file: FileHandle): AsyncGenerator<{ name: string; bytes: AsyncIterable<Uint8Array> }> {
    const start = await readAt(file, 0, SIGNATURE_HEADER);
    if (!Buffer.from(start).equals(signatureHeader(this.#headers.at(-1)!))) throw damaged();
    for (const header of this.#headers) for await (const _ of this.#read(file, header));
    for (const entry of this.#entries) yield { name: entry.name, bytes: this.#read(file, entry) };
  }

  async #write(
    bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    { plain = this.#encryption === undefined }: { plain?: boolean } = {},
  ): Promise<Stream> {
    const iv = nodeCrypto().randomBytes(BLOCK);
    const cipher = plain ? undefined : nodeCrypto().createCipheriv('aes-256-cbc', this.#encryption!.key, iv);
    // Padded with zeros (Methods.txt), not as PKCS #7 has it.
    cipher?.setAutoPadding(false);
    const position = this.#position;
    let packed = 0;
    let unpacked = 0;
    let crc = 0;
    const put = async (chunk: Uint8Array) => {
      const out = cipher ? cipher.update(chunk) : chunk;
      await writeAll(this.#file, out, position + packed);
      packed += out.length;
    };
    for await (const chunk of bytes) {
      unpacked += chunk.length;
      crc = nodeZlib().crc32(chunk, crc);
      await put(chunk);
    }
    if (cipher && unpacked % BLOCK > 0) await put(new Uint8Array(BLOCK - (unpacked % BLOCK)));
    this.#position = position + packed;
    return { position, packed, unpacked, crc, ...(cipher ? { iv } : {}) };
  }

  async *#read(
    file: FileHandle,
    { position, packed, unpacked, crc, iv }: Stream,
  ): AsyncGenerator<Uint8Array> {
    const decipher =
      iv && nodeCrypto().createDecipheriv('aes-256-cbc', this.#encryption!.key, iv).setAutoPadding(false);
    let left = unpacked;
    let found = 0;
    for (let at = 0; at < packed; ) {
      const chunk = await readAt(file, position + at, Math.min(READ_BLOCK, packed - at));
      at += chunk.length;
      const whole = decipher ? decipher.update(chunk) : chunk;
      const bytes = whole.length > left ? whole.subarray(0, left) : whole;
      left -= bytes.length;
      found = nodeZlib().crc32(bytes, found);
      yield bytes;
    }
    if (left > 0 || found !== crc) throw damaged();
  }

  #header(): Uint8Array {
    const names = Buffer.from(this.#entries.map(({ name }) => `${name}\0`).join(''), 'utf16le');
    return concatBytes([
      Uint8Array.of(Id.header, Id.mainStreamsInfo),
      this.#streamsInfo(this.#entries),
      Uint8Array.of(Id.end, Id.filesInfo),
      number(this.#entries.length),
      Uint8Array.of(Id.names),
      number(names.length + 1),
      Uint8Array.of(0),
      names,
      Uint8Array.of(Id.end, Id.end),
    ]);
  }

  /** What is where, without the end of the part: the streams lie one behind the other. */
  #streamsInfo(streams: readonly Stream[]): Uint8Array {
    return concatBytes([
      Uint8Array.of(Id.packInfo),
      number((streams[0]?.position ?? SIGNATURE_HEADER) - SIGNATURE_HEADER),
      number(streams.length),
      Uint8Array.of(Id.size),
      ...streams.map(({ packed }) => number(packed)),
      Uint8Array.of(Id.end, Id.unpackInfo, Id.folder),
      number(streams.length),
      Uint8Array.of(0),
      ...streams.map((stream) => this.#coder(stream)),
      Uint8Array.of(Id.codersUnpackSize),
      ...streams.map(({ unpacked }) => number(unpacked)),
      Uint8Array.of(Id.crc, 1),
      ...streams.map(({ crc }) => littleEndian(crc, 4)),
      Uint8Array.of(Id.end),
    ]);
  }

  /** A "folder" of one coder. */
  #coder({ iv }: Stream): Uint8Array {
    if (!iv) return concatBytes([Uint8Array.of(1, COPY.length), COPY]);
    const { salt } = this.#encryption!;
    const properties = concatBytes([
      // There is a salt (bit 7) and an initialization vector (bit 6); their lengths less one are in the next byte.
      Uint8Array.of(CYCLES_POWER | 0xc0, ((salt.length - 1) << 4) | (iv.length - 1)),
      salt,
      iv,
    ]);
    // Bit 5: there are properties.
    return concatBytes([
      Uint8Array.of(1, AES_256_SHA_256.length | 0x20),
      AES_256_SHA_256,
      number(properties.length),
      properties,
    ]);
  }
}

const READ_BLOCK = 1024 * 1024;

/** The beginning of the file: where the last header is. */
function signatureHeader({ position, packed, crc }: Stream): Uint8Array {
  const start = concatBytes([
    littleEndian(position - SIGNATURE_HEADER, 8),
    littleEndian(packed, 8),
    littleEndian(crc, 4),
  ]);
  const signature = Uint8Array.of(0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c, 0, 4);
  return concatBytes([signature, littleEndian(nodeZlib().crc32(start), 4), start]);
}

/** SHA-256 over as many rounds of salt, password and a counter (7-Zip's `7zAES`). */
function keyOf(password: string, salt: Uint8Array): Uint8Array {
  const secret = Buffer.concat([salt, Buffer.from(password, 'utf16le')]);
  const round = secret.length + 8;
  const atOnce = 1 << 10;
  const rounds = Buffer.alloc(round * atOnce);
  for (let i = 0; i < atOnce; i += 1) secret.copy(rounds, i * round);
  const hash = nodeCrypto().createHash('sha256');
  for (let done = 0; done < 2 ** CYCLES_POWER; done += atOnce) {
    for (let i = 0; i < atOnce; i += 1) rounds.writeUInt32LE(done + i, i * round + secret.length);
    hash.update(rounds);
  }
  return hash.digest();
}

/** A number as headers have it: the high bits of the first byte tell how many bytes follow, low ones first. */
function number(value: number): Uint8Array {
  let extra = 0;
  while (extra < 8 && value >= 2 ** (7 * (extra + 1))) extra += 1;
  const high = Math.floor(value / 2 ** (8 * extra));
  const mark = (0xff00 >> extra) & 0xff;
  return concatBytes([Uint8Array.of(mark | high), littleEndian(value, extra)]);
}

/** The low bytes of a whole number below 2^53. */
function littleEndian(value: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => Math.floor(value / 2 ** (8 * i)) % 256);
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, position + filled);
    if (bytesRead === 0) throw damaged();
    filled += bytesRead;
  }
  return bytes;
}

function damaged(): DicomError {
  return new DicomError('DAMAGED', 'The archive does not hold what was written: make it again.');
}
