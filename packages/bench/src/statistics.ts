/** What several runs of the same measurement say together. */
export interface Summary {
  median: number;
  min: number;
  max: number;
}

/** Median, least and greatest of at least one number. Of an even count the median is the mean of the two in the middle. */
export function summarize(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1];
  const high = sorted[Math.floor(middle)];
  if (low === undefined || high === undefined) {
    throw new RangeError('There is nothing to summarize.');
  }
  return { median: (low + high) / 2, min: sorted[0]!, max: sorted.at(-1)! };
}
