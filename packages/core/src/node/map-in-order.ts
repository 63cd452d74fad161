/** Maps with several calls under way, and yields results in the order of the items. */
export async function* mapInOrder<T, R>(
  items: AsyncIterable<T>,
  concurrency: number,
  map: (item: T) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  const underWay: Promise<R>[] = [];
  for await (const item of items) {
    const result = map(item);
    // Whether it failed is looked at when its turn comes.
    result.catch(() => {});
    underWay.push(result);
    if (underWay.length >= concurrency) yield await underWay.shift()!;
  }
  yield* underWay;
}
