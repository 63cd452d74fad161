import { createRandom } from './random.ts';

/** What the body of a phantom is made of; each modality has its own value for it. */
export type Tissue =
  | 'air'
  | 'fat'
  | 'muscle'
  | 'lung'
  | 'bone'
  | 'blood'
  | 'brain'
  | 'fluid'
  | 'liver'
  | 'lesion'
  | 'table';

/** An ellipsoid in a cube of side 1: x to the patient's left, y to the back, z along the slices. */
interface Ellipsoid {
  readonly tissue: Tissue;
  readonly center: readonly [x: number, y: number, z: number];
  readonly radius: readonly [x: number, y: number, z: number];
}

/** Longer than the cube: the same in every slice. */
const THROUGH = 50;

/** Later ones cover earlier ones. */
const trunk: readonly Ellipsoid[] = [
  { tissue: 'table', center: [0.5, 0.9, 0.5], radius: [0.4, 0.03, THROUGH] },
  { tissue: 'fat', center: [0.5, 0.5, 0.5], radius: [0.44, 0.32, 2] },
  { tissue: 'muscle', center: [0.5, 0.5, 0.5], radius: [0.41, 0.29, 2] },
  { tissue: 'lung', center: [0.31, 0.47, 0.35], radius: [0.14, 0.2, 0.5] },
  { tissue: 'lung', center: [0.69, 0.47, 0.35], radius: [0.14, 0.2, 0.5] },
  { tissue: 'liver', center: [0.36, 0.48, 0.95], radius: [0.23, 0.2, 0.35] },
  { tissue: 'muscle', center: [0.55, 0.42, 0.45], radius: [0.12, 0.1, 0.25] },
  { tissue: 'blood', center: [0.57, 0.42, 0.45], radius: [0.06, 0.05, 0.16] },
  { tissue: 'blood', center: [0.56, 0.62, 0.5], radius: [0.035, 0.035, THROUGH] },
  { tissue: 'bone', center: [0.5, 0.69, 0.5], radius: [0.06, 0.05, THROUGH] },
  { tissue: 'fluid', center: [0.5, 0.73, 0.5], radius: [0.018, 0.018, THROUGH] },
  { tissue: 'lesion', center: [0.67, 0.4, 0.4], radius: [0.03, 0.03, 0.06] },
];

const head: readonly Ellipsoid[] = [
  { tissue: 'fat', center: [0.5, 0.5, 0.5], radius: [0.36, 0.44, 0.7] },
  { tissue: 'bone', center: [0.5, 0.5, 0.5], radius: [0.34, 0.42, 0.67] },
  { tissue: 'brain', center: [0.5, 0.5, 0.5], radius: [0.31, 0.39, 0.62] },
  { tissue: 'fluid', center: [0.46, 0.45, 0.55], radius: [0.035, 0.11, 0.2] },
  { tissue: 'fluid', center: [0.54, 0.45, 0.55], radius: [0.035, 0.11, 0.2] },
  { tissue: 'blood', center: [0.5, 0.84, 0.5], radius: [0.02, 0.03, 0.5] },
  { tissue: 'lesion', center: [0.63, 0.38, 0.55], radius: [0.05, 0.05, 0.12] },
];

/** A body that no two seeds have alike. */
export interface Phantom {
  /**
   * One slice through the body, row by row.
   *
   * @param z where, from 0 to 1
   * @param values what each tissue looks like
   */
  slice(z: number, size: { rows: number; columns: number }, values: Readonly<Record<Tissue, number>>): Slice;
}

export interface Slice {
  /** Fills `target`, which is one row long, with the values of a row. */
  fillRow(row: number, target: Int16Array): void;
}

/** Makes the phantom of a seed. */
export function createPhantom(seed: string, body: 'trunk' | 'head'): Phantom {
  const random = createRandom(`${seed}/phantom`);
  const ellipsoids = (body === 'head' ? head : trunk).map(({ tissue, center, radius }) => {
    const scale = random.between(0.96, 1.04);
    return {
      tissue,
      center: center.map((value) => value + random.between(-0.01, 0.01)) as [number, number, number],
      radius: radius.map((value) => value * scale) as [number, number, number],
    };
  });

  return {
    slice(z, { rows, columns }, values) {
      const ellipses = ellipsoids.flatMap(({ tissue, center, radius }) => {
        const height = (z - center[2]) / radius[2];
        if (Math.abs(height) >= 1) return [];
        const cut = Math.sqrt(1 - height * height);
        return [
          {
            value: values[tissue],
            x: center[0] * columns,
            y: center[1] * rows,
            width: radius[0] * cut * columns,
            height: radius[1] * cut * rows,
          },
        ];
      });
      return {
        fillRow(row, target) {
          target.fill(values.air);
          for (const ellipse of ellipses) {
            const dy = (row + 0.5 - ellipse.y) / ellipse.height;
            if (Math.abs(dy) >= 1) continue;
            const half = ellipse.width * Math.sqrt(1 - dy * dy);
            // Rounded before `fill`, which would count a negative start from the end.
            const from = Math.max(0, Math.round(ellipse.x - half));
            target.fill(ellipse.value, from, Math.max(from, Math.round(ellipse.x + half)));
          }
        },
      };
    },
  };
}
