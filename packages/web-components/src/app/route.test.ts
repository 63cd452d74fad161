import { expect, test } from 'vitest';
import { routeOf } from './route.ts';

const at = (path: string) => routeOf(new URL(path, 'http://adit.test'));

test('opens the search at the root', () => {
  expect(at('/')).toMatchObject({ screen: 'find' });
  expect(at('/find?name=Doe')).toMatchObject({ screen: 'find' });
});

test('opens jobs by their number only', () => {
  expect(at('/jobs')).toMatchObject({ screen: 'jobs' });
  expect(at('/jobs/17')).toEqual({ screen: 'job', jobId: '17' });
  expect(at('/jobs/x')).toEqual({ screen: 'unknown' });
  expect(at('/jobs/17/more')).toEqual({ screen: 'unknown' });
});

test('knows what it does not know', () => {
  expect(at('/elsewhere')).toEqual({ screen: 'unknown' });
  expect(at('/nodes')).toEqual({ screen: 'nodes' });
});
