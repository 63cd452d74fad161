/** Where in the app one is. */
export type Route =
  | { screen: 'find'; query: URLSearchParams }
  | { screen: 'jobs'; query: URLSearchParams }
  | { screen: 'job'; jobId: string }
  | { screen: 'nodes' }
  | { screen: 'unknown' };

/** Reads a URL of the app. */
export function routeOf(url: URL): Route {
  const [first = '', second, ...rest] = url.pathname.split('/').filter(Boolean);
  if (rest.length > 0) return { screen: 'unknown' };
  if (first === 'jobs' && second !== undefined) {
    return /^[1-9]\d*$/.test(second) ? { screen: 'job', jobId: second } : { screen: 'unknown' };
  }
  if (second !== undefined) return { screen: 'unknown' };
  switch (first) {
    case '':
    case 'find':
      return { screen: 'find', query: url.searchParams };
    case 'jobs':
      return { screen: 'jobs', query: url.searchParams };
    case 'nodes':
      return { screen: 'nodes' };
    default:
      return { screen: 'unknown' };
  }
}
