import { createPhantom, type Slice, type Tissue } from './phantom.ts';
import { createRandom } from './random.ts';

/** Pixels that are made when they are asked for. */
export interface Picture {
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
  readonly samplesPerPixel: 1 | 3;
  readonly bytesPerSample: 1 | 2;
  /** Some rows of a frame: little endian, colour by pixel. The bytes are new each time. */
  draw(frame: number, firstRow: number, rowCount: number): Uint8Array;
}

export interface PictureOptions {
  /** The body: the same in all pictures of a patient. */
  bodySeed: string;
  /** The noise: different in each picture. */
  noiseSeed: string;
  body: 'trunk' | 'head';
  rows: number;
  columns: number;
  frames: number;
  /** Where frame `frame` lies in the body, from 0 to 1. */
  depth(frame: number): number;
}

/** A power of two, so that a mask wraps an index around. */
const NOISE_LENGTH = 1 << 14;

const noiseTables = new Map<string, Int16Array>();

/** Noise between two bounds. Pictures share the table and begin at different places in it. */
function noiseTable(low: number, high: number): Int16Array {
  const key = `${low} ${high}`;
  let table = noiseTables.get(key);
  if (table === undefined) {
    const random = createRandom(key);
    // The mean of two draws: noise with a middle.
    const draw = () => (random.between(low, high) + random.between(low, high)) / 2;
    table = Int16Array.from({ length: NOISE_LENGTH }, draw);
    noiseTables.set(key, table);
  }
  return table;
}

/** Where the noise of each row of a picture begins: a place for each row of each frame. */
function noiseStarts({ noiseSeed, rows }: PictureOptions): (frame: number, row: number) => number {
  const start = createRandom(noiseSeed).uint32();
  return (frame, row) => (start + Math.imul(frame * rows + row, 0x9e3779b1)) >>> 0;
}

const hounsfield: Readonly<Record<Tissue, number>> = {
  air: -1000,
  fat: -90,
  muscle: 50,
  lung: -830,
  bone: 700,
  blood: 160,
  brain: 35,
  fluid: 5,
  liver: 65,
  lesion: 110,
  table: 90,
};

const t1Signal: Readonly<Record<Tissue, number>> = {
  air: 0,
  fat: 900,
  muscle: 350,
  lung: 25,
  bone: 70,
  blood: 210,
  brain: 520,
  fluid: 150,
  liver: 460,
  lesion: 680,
  table: 0,
};

const echo: Readonly<Record<Tissue, number>> = {
  air: 40,
  fat: 140,
  muscle: 90,
  lung: 60,
  bone: 230,
  blood: 12,
  brain: 80,
  fluid: 8,
  liver: 110,
  lesion: 170,
  table: 40,
};

/** One sample of 16 bits a pixel: tissue, a smooth shading from left to right, and noise. */
function grayscalePicture(
  options: PictureOptions,
  look: { values: Readonly<Record<Tissue, number>>; offset: number; noise: number; shading: number },
): Picture {
  const { rows, columns, frames } = options;
  const phantom = createPhantom(options.bodySeed, options.body);
  const noise = noiseTable(0, look.noise);
  const noiseStart = noiseStarts(options);
  const shading = Int16Array.from({ length: columns }, (_, x) =>
    Math.round(look.offset + look.shading * Math.sin((Math.PI * x) / columns)),
  );
  const line = new Int16Array(columns);
  return {
    rows,
    columns,
    frames,
    samplesPerPixel: 1,
    bytesPerSample: 2,
    draw(frame, firstRow, rowCount) {
      const slice = phantom.slice(options.depth(frame), options, look.values);
      // Every platform that runs JavaScript today is little endian, and so are the typed array's bytes.
      const pixels = new Uint16Array(rowCount * columns);
      for (let i = 0; i < rowCount; i++) {
        const row = firstRow + i;
        slice.fillRow(row, line);
        const start = noiseStart(frame, row);
        const at = i * columns;
        for (let x = 0; x < columns; x++) {
          pixels[at + x] = line[x]! + shading[x]! + noise[(start + x) & (NOISE_LENGTH - 1)]!;
        }
      }
      return new Uint8Array(pixels.buffer);
    },
  };
}

/** Stored values of a CT: Hounsfield units plus 1024, all within 12 bits. */
export function ctPicture(options: PictureOptions): Picture {
  return grayscalePicture(options, { values: hounsfield, offset: 1004, noise: 40, shading: 0 });
}

/** Stored values of an MR: signal with the shading of a surface coil, all within 12 bits. */
export function mrPicture(options: PictureOptions): Picture {
  return grayscalePicture(options, { values: t1Signal, offset: 0, noise: 60, shading: 120 });
}

/** Three samples of 8 bits a pixel, whose rows `paint` fills. */
function colourPicture(
  options: PictureOptions,
  values: Readonly<Record<Tissue, number>>,
  paint: (row: { index: number; noiseStart: number; tissue: Int16Array; rgb: Uint8Array }) => void,
): Picture {
  const { rows, columns, frames } = options;
  const phantom = createPhantom(options.bodySeed, options.body);
  const tissue = new Int16Array(columns);
  const noiseStart = noiseStarts(options);
  return {
    rows,
    columns,
    frames,
    samplesPerPixel: 3,
    bytesPerSample: 1,
    draw(frame, firstRow, rowCount) {
      const slice: Slice = phantom.slice(options.depth(frame), options, values);
      const pixels = new Uint8Array(rowCount * columns * 3);
      for (let i = 0; i < rowCount; i++) {
        const index = firstRow + i;
        slice.fillRow(index, tissue);
        const rgb = pixels.subarray(i * columns * 3, (i + 1) * columns * 3);
        paint({ index, noiseStart: noiseStart(frame, index), tissue, rgb });
      }
      return pixels;
    },
  };
}

/** A sector of speckle on black, with a colour bar at the right. */
export function ultrasoundPicture(options: PictureOptions): Picture {
  const { rows, columns } = options;
  const speckle = noiseTable(40, 360);
  return colourPicture(options, echo, ({ index, noiseStart, tissue, rgb }) => {
    const y = (index + 0.5) / rows;
    // The transducer sits above the picture; the sector ends at a radius around it.
    const half = Math.min((y + 0.08) * 0.8, Math.sqrt(Math.max(0, 1.02 ** 2 - (y + 0.08) ** 2)));
    const from = Math.max(0, Math.round((0.47 - half * 0.55) * columns));
    const to = Math.min(Math.round(0.94 * columns), Math.round((0.47 + half * 0.55) * columns));
    for (let x = from; x < to; x++) {
      const value = Math.min(255, (tissue[x]! * speckle[(noiseStart + x) & (NOISE_LENGTH - 1)]!) >> 8);
      rgb[x * 3] = value;
      rgb[x * 3 + 1] = value;
      rgb[x * 3 + 2] = value;
    }
    const bar = Math.round(255 * Math.abs(2 * y - 1));
    for (let x = Math.round(0.96 * columns); x < Math.round(0.98 * columns); x++) {
      rgb[x * 3] = y < 0.5 ? bar : 0;
      rgb[x * 3 + 2] = y < 0.5 ? 0 : bar;
    }
  });
}

/** What a reconstruction looks like as a screen shot: the body in false colour before a gradient. */
export function screenPicture(options: PictureOptions): Picture {
  const { rows, columns } = options;
  const noise = noiseTable(0, 6);
  return colourPicture(options, echo, ({ index, noiseStart, tissue, rgb }) => {
    const shade = Math.round((64 * index) / rows);
    for (let x = 0; x < columns; x++) {
      const value = tissue[x]!;
      const grain = noise[(noiseStart + x) & (NOISE_LENGTH - 1)]!;
      rgb[x * 3] = value === echo.air ? shade : value + grain;
      rgb[x * 3 + 1] = value === echo.air ? shade : (value >> 1) + grain;
      rgb[x * 3 + 2] = value === echo.air ? 80 + shade : (value >> 2) + grain;
    }
  });
}
