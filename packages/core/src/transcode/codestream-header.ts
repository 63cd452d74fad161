import { DicomError } from '../errors.ts';

/** What a codestream says about itself, before anything is decoded. */
export interface CodestreamHeader {
  rows: number;
  columns: number;
  components: number;
  /** Bits of a sample. */
  precision: number;
  /** JPEG 2000 only: the samples are signed. */
  signed: boolean;
  /** JPEG 2000 only: a component has fewer samples than there are pixels. */
  subsampled: boolean;
  /** JPEG: the code of its SOF marker, which tells the process (ITU-T T.81 Table B.1). */
  startOfFrame: number;
  /** JPEG-LS: components come one after the other instead of line by line or sample by sample. */
  planar: boolean;
}

const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;

/**
 * Reads the headers of a JPEG or JPEG-LS codestream (ITU-T T.81 §B.2, T.87 §C.2). Throws `MALFORMED`, and `TRUNCATED`
 * where it lacks its end: decoders make up what is missing.
 */
export function readJpegHeader(bytes: Uint8Array): CodestreamHeader {
  if (bytes[0] !== 0xff || bytes[1] !== SOI) throw malformed('it does not begin with SOI');
  let header: CodestreamHeader | undefined;
  for (let at = 2; at + 4 <= bytes.length; ) {
    if (bytes[at] !== 0xff) throw malformed('there is no marker where one should be');
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at += 1; // Fill bytes may precede a marker.
      continue;
    }
    const length = uint16(bytes, at + 2);
    const stop = at + 2 + length;
    if (length < 2 || stop > bytes.length) throw malformed('a segment is longer than the codestream');
    if (isStartOfFrame(marker)) {
      if (length < 8) throw malformed('its frame header is too short');
      header = {
        precision: bytes[at + 4]!,
        rows: uint16(bytes, at + 5),
        columns: uint16(bytes, at + 7),
        components: bytes[at + 9]!,
        signed: false,
        subsampled: false,
        startOfFrame: marker,
        planar: false,
      };
    } else if (marker === SOS) {
      if (!header) throw malformed('a scan comes before the frame header');
      header.planar = bytes[at + 4] === 1 && header.components > 1;
      if (!endsWithMarker(bytes, EOI)) throw truncated();
      return header;
    }
    at = stop;
  }
  throw malformed('it has no scan');
}

/** SOF0 to SOF15 without DHT, JPG and DAC, and SOF55 of JPEG-LS. */
function isStartOfFrame(marker: number): boolean {
  if (marker === 0xf7) return true;
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

const SIZ_LENGTH = 38;

/** The same for JPEG 2000 and HTJ2K (ITU-T T.800 §A.5.1). */
export function readJpeg2000Header(bytes: Uint8Array): CodestreamHeader {
  if (bytes.length < 4 + SIZ_LENGTH || bytes[0] !== 0xff || bytes[1] !== 0x4f) {
    throw malformed('it does not begin with SOC');
  }
  if (bytes[2] !== 0xff || bytes[3] !== 0x51) throw malformed('SIZ does not follow SOC');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  // SIZ: marker, Lsiz, Rsiz, Xsiz, Ysiz, XOsiz, YOsiz, four of tiles, Csiz, and for each component Ssiz, XRsiz, YRsiz.
  const components = view.getUint16(40);
  if (components === 0 || 42 + 3 * components > bytes.length) throw malformed('SIZ is too short');
  let precision = 0;
  let signed = false;
  let subsampled = false;
  for (let component = 0; component < components; component++) {
    const [ssiz, x, y] = [0, 1, 2].map((part) => bytes[42 + 3 * component + part]!) as [
      number,
      number,
      number,
    ];
    precision = Math.max(precision, (ssiz & 0x7f) + 1);
    signed ||= (ssiz & 0x80) !== 0;
    subsampled ||= x !== 1 || y !== 1;
  }
  if (!endsWithMarker(bytes, EOI)) throw truncated();
  return {
    columns: view.getUint32(8) - view.getUint32(16),
    rows: view.getUint32(12) - view.getUint32(20),
    components,
    precision,
    signed,
    subsampled,
    startOfFrame: 0,
    planar: false,
  };
}

/** Behind the marker there may be padding: zeros, or one byte of whatever, as DCMTK leaves it with JPEG-LS. */
function endsWithMarker(bytes: Uint8Array, marker: number): boolean {
  const isMarker = (end: number) => bytes[end - 2] === 0xff && bytes[end - 1] === marker;
  let end = bytes.length;
  if (isMarker(end - 1)) return true;
  while (end > 2 && bytes[end - 1] === 0) end -= 1;
  return isMarker(end);
}

function uint16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

function malformed(what: string): DicomError {
  return new DicomError('MALFORMED', `The codestream of a frame is broken: ${what}.`);
}

function truncated(): DicomError {
  return new DicomError('TRUNCATED', 'The codestream of a frame is cut off.');
}
