import type { PixelRectangle } from './pixel-mask.ts';

/** The parts of rectangles that are within a frame; those outside of it are left out. */
export function clipped(
  rectangles: readonly PixelRectangle[],
  { rows, columns }: { rows: number; columns: number },
): PixelRectangle[] {
  return rectangles.flatMap(({ x, y, width, height }) => {
    const right = Math.min(x + width, columns);
    const bottom = Math.min(y + height, rows);
    return right > x && bottom > y ? [{ x, y, width: right - x, height: bottom - y }] : [];
  });
}

/** Everything in a frame that is in none of the rectangles. */
export function complementOf(
  rectangles: readonly PixelRectangle[],
  frame: { rows: number; columns: number },
): PixelRectangle[] {
  const kept = clipped(rectangles, frame);
  const edges = [0, frame.rows, ...kept.flatMap(({ y, height }) => [y, y + height])];
  const bands = [...new Set(edges)].sort((a, b) => a - b);
  const outside: PixelRectangle[] = [];
  for (let i = 0; i + 1 < bands.length; i++) {
    const y = bands[i]!;
    const height = bands[i + 1]! - y;
    const across = kept.filter((one) => one.y <= y && one.y + one.height > y).sort((a, b) => a.x - b.x);
    let x = 0;
    for (const one of across) {
      if (one.x > x) outside.push({ x, y, width: one.x - x, height });
      x = Math.max(x, one.x + one.width);
    }
    if (x < frame.columns) outside.push({ x, y, width: frame.columns - x, height });
  }
  return outside;
}
